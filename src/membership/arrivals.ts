/**
 * What has come of a step. Messages of a member may come in another order than it sent them in, so the end of a range that
 * comes first waits for the losses and buckets that it ends. Pure.
 */
import { type Range, rangeKey } from "../parameters/tree.js";
import type { Timing } from "../protocol/messages.js";
import type { Member } from "./roster.js";
import type { StepShape } from "./step-shape.js";

/** A member's word that it has sent all of a range. */
export interface RangeEnd {
  member: Member;
  range: Range;
  timing: Timing | null;
  state: Float32Array | null;
}

export class Arrivals {
  readonly #shape: StepShape;
  readonly #bucketCount: number;
  /** Shards whose losses came. */
  readonly #losses = new Set<number>();
  /** Buckets that came from a member, a range. */
  readonly #buckets = new Map<Member, Map<string, Set<number>>>();
  #ends: RangeEnd[] = [];

  /** `buckets`: of the layout. */
  constructor(shape: StepShape, buckets: number) {
    this.#shape = shape;
    this.#bucketCount = buckets;
  }

  loss(shard: number): void {
    this.#losses.add(shard);
  }

  bucket(member: Member, range: Range, bucket: number): void {
    this.#cameFrom(member, range).add(bucket);
  }

  end(end: RangeEnd): void {
    this.#ends.push(end);
  }

  /** Takes out the ends of ranges of which everything has come. */
  takeWhole(): RangeEnd[] {
    const whole = this.#ends.filter((end) => this.#isWhole(end));
    if (whole.length > 0) this.#ends = this.#ends.filter((end) => !whole.includes(end));
    return whole;
  }

  /** What it said last counts no more. */
  lost(member: Member): void {
    this.#ends = this.#ends.filter((end) => end.member !== member);
  }

  #isWhole({ member, range }: RangeEnd): boolean {
    if (this.#cameFrom(member, range).size < this.#bucketCount) return false;
    return this.#shape.present(range).every((shard) => this.#losses.has(shard));
  }

  #cameFrom(member: Member, range: Range): Set<number> {
    const ranges = this.#buckets.get(member) ?? new Map<string, Set<number>>();
    this.#buckets.set(member, ranges);
    const buckets = ranges.get(rangeKey(range)) ?? new Set();
    ranges.set(rangeKey(range), buckets);
    return buckets;
  }
}
