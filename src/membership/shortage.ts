/** Fewer workers than a run asks for: for how long they are waited for, and when that is over. Pure. */
import { plural } from "../format.js";

export interface ShortageOptions {
  /** Null: any number will do. */
  minWorkers: number | null;
  /** Seconds. */
  waitWorkers: number;
}

/** What is to be told; `error`: the run cannot go on. */
export interface Finding {
  level: "info" | "warn" | "error";
  message: string;
}

export class Shortage {
  readonly #options: ShortageOptions;
  /** Milliseconds; null while enough are there. */
  #since: number | null;
  /** At a run's start nobody is there yet, which is not worth a word. */
  #told = true;

  constructor(options: ShortageOptions, now: number) {
    this.#options = options;
    this.#since = now;
  }

  /** Whether fewer are there than are asked for. */
  of(ready: number): boolean {
    return this.#options.minWorkers !== null && ready < this.#options.minWorkers;
  }

  /** How long it lasts, whatever the reason for looking. `possible`: workers that may ever be there. */
  look({ ready, possible, now }: { ready: number; possible: number; now: number }): Finding | null {
    const { minWorkers, waitWorkers } = this.#options;
    if (minWorkers === null) return null;
    const there = `${plural(ready, "worker")} of the ${minWorkers} that --min-workers asks for ${ready === 1 ? "is" : "are"} there`;
    if (ready >= minWorkers) {
      const news = this.#since !== null && !this.#told;
      this.#since = null;
      return news ? { level: "info", message: `${plural(ready, "worker")} are there: the training goes on` } : null;
    }
    if (possible < minWorkers) return { level: "error", message: `${there}, and not enough others can come` };
    if (this.#since === null) {
      this.#since = now;
      this.#told = false;
      return { level: "warn", message: `${there}: the training waits for others, ${waitWorkers} s at most` };
    }
    if (now - this.#since <= waitWorkers * 1000) return null;
    return { level: "error", message: `${there}, after ${waitWorkers} s (--wait-workers)` };
  }

  forgive(ms: number): void {
    if (this.#since !== null) this.#since += ms;
  }
}
