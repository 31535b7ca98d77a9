/**
 * Connections that came and proved nothing. ZeroMQ tells of each that came, of each that proved a key, and of most that failed,
 * but not of all: one that does not even greet is closed without a word. Those are what remains once their time is over. Pure.
 */
import { HANDSHAKE_MS } from "../config/time-limits.js";

/** ZeroMQ's own look at its timers comes late under load. */
const GRACE_MS = 1000;

export class Door {
  /** Not looked at yet, by the time of the look before which they came. */
  readonly #young: { atMs: number; count: number }[] = [];
  #arriving = 0;
  /** Of those that came, how many have had their time; of all, how many are accounted for. */
  #old = 0;
  #explained = 0;
  #failed = 0;

  came(): void {
    this.#arriving++;
  }

  proved(): void {
    this.#explained++;
  }

  failed(): void {
    this.#explained++;
    this.#failed++;
  }

  /** How many were refused since the last look, or have had their time since. */
  look(nowMs: number): number {
    if (this.#arriving > 0) this.#young.push({ atMs: nowMs, count: this.#arriving });
    this.#arriving = 0;
    while (this.#young[0] && nowMs - this.#young[0].atMs >= HANDSHAKE_MS + GRACE_MS)
      this.#old += this.#young.shift()!.count;
    const silent = Math.max(0, this.#old - this.#explained);
    this.#explained += silent;
    const refused = this.#failed + silent;
    this.#failed = 0;
    return refused;
  }
}
