/** Events from a run to its reader; a slow reader never delays the training. */

export class EventStream<T> implements AsyncIterable<T> {
  readonly #buffer: T[] = [];
  readonly #limit: number;
  #wake: (() => void) | null = null;
  #end: { error: unknown } | "done" | null = null;

  /** Beyond `limit` unread events the oldest are dropped. */
  constructor(limit = 100_000) {
    this.#limit = limit;
  }

  push(event: T): void {
    if (this.#end) return;
    this.#buffer.push(event);
    if (this.#buffer.length > this.#limit) this.#buffer.shift();
    this.#wake?.();
  }

  close(): void {
    this.#end ??= "done";
    this.#wake?.();
  }

  /** The reader gets what is left, then the error. */
  fail(error: unknown): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const next = this.#buffer.shift();
      if (next !== undefined) {
        yield next;
        continue;
      }
      if (this.#end === "done") return;
      if (this.#end) throw this.#end.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = null;
    }
  }
}
