/** A worker's signs of life. */
import { HEARTBEAT_MS, LOOKS_A_HEARTBEAT } from "../config/time-limits.js";
import type { Doing } from "./session.js";

export interface HeartbeatOptions {
  /** What the worker does now. */
  doing(): Doing;
  send(doing: Doing): void;
  heartbeatMs?: number;
}

/**
 * One each second, and one as soon as something else has been done for some time: so a worker that is stopped has told what it
 * did, and one whose work is short says nothing more than that it lives.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #timers: readonly NodeJS.Timeout[];
  #told: Doing;
  #seen: Doing;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#told = this.#seen = options.doing();
    const everyMs = options.heartbeatMs ?? HEARTBEAT_MS;
    this.#timers = [
      setInterval(() => this.beat(), everyMs),
      setInterval(() => this.#look(), everyMs / LOOKS_A_HEARTBEAT),
    ];
  }

  #look(): void {
    const doing = this.#options.doing();
    const lasts = doing === this.#seen;
    this.#seen = doing;
    if (lasts && doing.phase !== this.#told.phase) this.beat();
  }

  beat(): void {
    this.#told = this.#options.doing();
    this.#options.send(this.#told);
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}
