/** Values of a step for tests; sums of them depend on the order of additions. */
import { DoubleBuffer } from "../../src/coordinator/training/weights.js";
import type { RankTimes, StepCosts, Weights } from "../../src/membership/workers.js";
import type { Layout } from "../../src/parameters/layout.js";
import { childrenOf, type Range } from "../../src/parameters/tree.js";
import type { Timing } from "../../src/protocol/messages.js";
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
    residuals: [],
  };
  return new DoubleBuffer(trainingMemory(layout), { step: version, ...zeros }).view(version);
}

/** Of a worker that began at 0 and computed for 10 ms. */
export const TIMING: Timing = {
  assignedMs: 0,
  beganMs: 0,
  computingMs: 2,
  sentMs: 12,
  inputMs: 2,
  computeMs: 10,
  writeMs: 1,
  spans: [],
};
export const TIMES: RankTimes = {
  shards: 2,
  beganMs: 10,
  computingMs: 20,
  endedMs: 270,
  inputMs: 10,
  computeMs: 250,
  writeMs: 5,
  spans: [],
};
export const COSTS: StepCosts = {
  ranks: new Map([[0, TIMES]]),
  exchangedBytes: { in: 3, out: 4, shared: 5, nodes: new Map() },
  tensors: 5,
  tensorBytes: 6,
};
