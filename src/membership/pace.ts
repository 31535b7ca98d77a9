/** How long pieces of work of one kind usually take. Pure. */
import type { Member } from "./roster.js";

/** Pieces whose times are kept. Their median passes over a few that were held up, and follows a machine that became busy. */
const KEPT = 31;
/** Fewer say nothing. */
const ENOUGH = 3;

export class Pace {
  /** Milliseconds a piece, oldest first. */
  readonly #recent: number[] = [];
  /** Members that have done a piece: what they compile is compiled. */
  readonly #settled = new WeakSet<Member>();

  /** A member did work that took so long a piece. Its first is not counted: it compiled. */
  took(member: Member, msEach: number): void {
    if (!this.#settled.has(member)) {
      this.#settled.add(member);
      return;
    }
    this.#recent.push(msEach);
    if (this.#recent.length > KEPT) this.#recent.shift();
  }

  /** What so many pieces will take the member, in milliseconds; null: nobody knows, or not for this one. */
  usualMs(member: Member, pieces: number): number | null {
    if (this.#recent.length < ENOUGH || !this.#settled.has(member)) return null;
    return median(this.#recent) * pieces;
  }
}

/** Of at least one value; of the two in the middle, the larger. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}
