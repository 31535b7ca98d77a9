/** What was opened is closed in the opposite order, each thing even when another could not be. */

type Close = () => void | Promise<void>;

export class Closing {
  readonly #steps: Close[] = [];

  add(close: Close): void {
    this.#steps.push(close);
  }

  /** What went wrong, in order. */
  async close(): Promise<unknown[]> {
    const errors: unknown[] = [];
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step();
      } catch (error) {
        errors.push(error);
      }
    }
    return errors;
  }
}
