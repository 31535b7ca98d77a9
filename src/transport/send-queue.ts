/** zeromq.js refuses a second send while one is under way, so each socket has one queue. */
export class SendQueue {
  readonly #send: (frames: Uint8Array[]) => Promise<void>;
  readonly #failed: (frames: Uint8Array[], error: unknown) => void;
  readonly #waiting: Uint8Array[][] = [];
  #running: Promise<void> | null = null;

  constructor(send: (frames: Uint8Array[]) => Promise<void>, failed: (frames: Uint8Array[], error: unknown) => void) {
    this.#send = send;
    this.#failed = failed;
  }

  push(frames: Uint8Array[]): void {
    this.#waiting.push(frames);
    this.#running ??= this.#drain();
  }

  async #drain(): Promise<void> {
    for (let frames = this.#waiting.shift(); frames; frames = this.#waiting.shift()) {
      try {
        await this.#send(frames);
      } catch (error) {
        this.#failed(frames, error);
      }
    }
    this.#running = null;
  }

  /** Resolves once nothing is waiting. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  clear(): void {
    this.#waiting.length = 0;
  }
}
