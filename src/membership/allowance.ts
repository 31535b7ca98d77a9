/** What a peer may send that nobody asked for: a bucket of tokens that fills again with time. Pure. */
import { PEERS } from "../limits.js";

export class Allowance {
  #left: number = PEERS.unaskedAtOnce;
  #atMs: number;

  constructor(nowMs: number) {
    this.#atMs = nowMs;
  }

  /** Whether a message with a header of so many bytes is within it. */
  take(headerBytes: number, nowMs: number): boolean {
    const filled = this.#left + ((nowMs - this.#atMs) / 1000) * PEERS.unaskedASecond;
    this.#left = Math.min(PEERS.unaskedAtOnce, filled) - 1 - headerBytes / 1024;
    this.#atMs = nowMs;
    return this.#left >= 0;
  }
}
