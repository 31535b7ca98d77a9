/** Values of a step for tests; sums of them depend on the order of additions. */
import { DoubleBuffer } from "../../src/coordinator/training/weights.js";
import type { StepCosts, Weights } from "../../src/coordinator/training/workers.js";
import type { Layout } from "../../src/parameters/layout.js";
import { childrenOf, type Range } from "../../src/parameters/tree.js";
import { trainingMemory } from "./training-memory.js";

/** A shard's value of one vector. */
export const leafOf = (shard: number, size: number) =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(shard * 7 + i) * 1e3 ** (shard % 3));

/** The sum along the tree; null where all shards of the range are empty. */
export function sumOf(
  range: Range,
  size: number,
  empty: readonly number[] = [],
  leaf: (shard: number, size: number) => Float32Array = leafOf,
): Float32Array | null {
  const children = childrenOf(range);
  if (!children) return empty.includes(range.start) ? null : leaf(range.start, size);
  const [left, right] = [sumOf(children[0], size, empty, leaf), sumOf(children[1], size, empty, leaf)];
  if (!left || !right) return left ?? right;
  return left.map((value, index) => value + right[index]!);
}

/** A version of a layout whose values are all zero. */
export function weightsOf(layout: Layout, version: number): Weights {
  const zeros = {
    weights: new Float32Array(layout.size),
    state: new Float32Array(layout.stateSize),
    slots: {},
    ema: null,
  };
  return new DoubleBuffer(trainingMemory(layout), { step: version, ...zeros }).view(version);
}

export const COSTS: StepCosts = {
  computeSeconds: new Map([[0, 0.25]]),
  exchangedBytes: { in: 3, out: 4, shared: 5 },
  tensors: 5,
  tensorBytes: 6,
};
