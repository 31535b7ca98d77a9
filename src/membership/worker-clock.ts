/** A worker's clock against the coordinator's. Pure. */

/**
 * Milliseconds by which two clocks may drift apart in a millisecond: two quartzes of 50 ppm, in opposite directions. Bounds
 * widen by so much, so that an old one does not contradict a new one.
 */
const DRIFT = 1e-4;

/**
 * What to add to a worker's time to have the coordinator's. Every message is received after it was sent: one from here bounds
 * the difference from below, one from there from above, and the middle is wrong by half the shortest round trip at most
 * (Cristian 1989, "Probabilistic clock synchronization"). Zero for a worker of this machine, whose processes share one
 * monotonic clock.
 */
export class WorkerClock {
  #lowest = Number.NEGATIVE_INFINITY;
  #highest = Number.POSITIVE_INFINITY;
  #lastMs = 0;

  /** `workerMs`: the worker's time when it got what was sent here at `sentMs`. */
  received(sentMs: number, workerMs: number): void {
    this.#widen(sentMs);
    this.#lowest = Math.max(this.#lowest, sentMs - workerMs);
  }

  /** `workerMs`: the worker's time when it sent what came here at `receivedMs`. */
  sent(workerMs: number, receivedMs: number): void {
    this.#widen(receivedMs);
    this.#highest = Math.min(this.#highest, receivedMs - workerMs);
  }

  get offsetMs(): number {
    if (!Number.isFinite(this.#lowest)) return Number.isFinite(this.#highest) ? this.#highest : 0;
    return Number.isFinite(this.#highest) ? (this.#lowest + this.#highest) / 2 : this.#lowest;
  }

  #widen(nowMs: number): void {
    const ms = Math.max(0, nowMs - this.#lastMs) * DRIFT;
    this.#lowest -= ms;
    this.#highest += ms;
    this.#lastMs = Math.max(this.#lastMs, nowMs);
  }
}
