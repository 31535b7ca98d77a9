/** Adds the gradients of a range of shards, along the one tree, as they come out of the shards one after the other. */
import { addInPlace, type Range, TreeSum } from "../parameters/tree.js";

/** The sums of one range: one a vector (each bucket, and the state). `present` names its shards that have samples. */
export class RangeSum {
  readonly #shards: number;
  readonly #absent: readonly number[];
  readonly #alone: boolean;
  readonly #sums = new Map<number, TreeSum<Float32Array>>();

  constructor(range: Range, shards: number, present: readonly number[]) {
    this.#shards = shards;
    this.#absent = Array.from({ length: shards }, (_, shard) => shard).filter((shard) => !present.includes(shard));
    this.#alone = range.end - range.start === 1;
  }

  /** Takes a shard's vector (copied if it must be kept); returns the range's sum once it is whole, `data` itself for one shard. */
  add(shard: number, vector: number, data: Float32Array): Float32Array | null {
    if (this.#alone) return data;
    let sum = this.#sums.get(vector);
    if (!sum) {
      sum = new TreeSum<Float32Array>(this.#shards, addInPlace, this.#absent);
      this.#sums.set(vector, sum);
    }
    const whole = sum.put({ start: shard, end: shard + 1 }, data.slice());
    if (whole) this.#sums.delete(vector);
    return whole ?? null;
  }
}
