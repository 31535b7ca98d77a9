/** Adds the gradients of a range of shards, along the one tree, as they come out of the shards one after the other. */
import type { StreamValues } from "../engine/engine.js";
import { addInPlace, childrenOf, type Range } from "../parameters/tree.js";

type TakeVector = (vector: number, level: number, length: number) => Float32Array;

/**
 * The sums of one range: one a vector (each bucket, and the state). `present` names its shards that have samples; they come
 * in ascending order. `take` gives memory for a sum of a vector that waits at that level of the tree, the same whenever it
 * is asked for.
 */
export class RangeSum {
  /** Of each shard: how many sums are complete with it. */
  readonly #completes: ReadonlyMap<number, number>;
  readonly #last: number;
  readonly #take: TakeVector;
  /** Of each vector: sums that wait for their right halves. */
  readonly #stacks = new Map<number, Float32Array[]>();

  constructor(range: Range, present: readonly number[], take: TakeVector) {
    this.#completes = completesOf(range, present);
    this.#last = present.at(-1)!;
    this.#take = take;
  }

  /** Takes a shard's vector, which is only there during the call; returns the range's sum once it is whole. */
  add(shard: number, vector: number, values: StreamValues): Float32Array | null {
    const stack = this.#stacks.get(vector) ?? [];
    this.#stacks.set(vector, stack);
    const completes = this.#completes.get(shard)!;
    let value = this.#take(vector, stack.length, values.length);
    values.copyTo(value);
    for (let count = 0; count < completes; count++) value = addInPlace(stack.pop()!, value);
    stack.push(value);
    return shard === this.#last ? value : null;
  }
}

/** Of each present shard: the number of nodes below the range whose last present shard it is and that add two halves. */
function completesOf(range: Range, present: readonly number[]): Map<number, number> {
  const completes = new Map(present.map((shard) => [shard, 0]));
  const visit = (node: Range): number | null => {
    const children = childrenOf(node);
    if (!children) return completes.has(node.start) ? node.start : null;
    const [left, right] = children.map(visit) as [number | null, number | null];
    if (left !== null && right !== null) completes.set(right, completes.get(right)! + 1);
    return right ?? left;
  };
  visit(range);
  return completes;
}
