import type { Clock } from "../../src/clock.js";

export class FakeClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; callback: () => void }>();

  now(): number {
    return this.#now;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Moves on in small steps, so that what a timer sets off can set timers of its own; `jump` skips the time instead. */
  async advance(ms: number, { jump = false } = {}): Promise<void> {
    const end = this.#now + ms;
    while (this.#now < end) {
      this.#now = jump ? end : Math.min(end, this.#now + 100);
      for (const timer of [...this.#timers]) {
        if (timer.at > this.#now) continue;
        this.#timers.delete(timer);
        timer.callback();
      }
      await settle();
    }
  }
}

/** Lets everything that waits for microtasks run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
