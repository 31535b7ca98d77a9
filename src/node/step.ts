/**
 * A step's shards that a node was given, as work for its own workers: what they compute is added along the tree as far as these
 * shards go, and each sum leaves as soon as it is whole.
 */

import { indicesOf } from "../data/order.js";
import type { Part, Score, StepCosts, StepPlan, StepWork, Weights } from "../membership/workers.js";
import { addInPlace, additionsOf, coverOf, includes, type Range, rangeKey, TreeSum } from "../parameters/tree.js";

export interface NodeStepHooks {
  loss(shard: number, score: Score): void;
  /** A bucket's sum over a range; the memory stays as it is until the next step. */
  bucket(range: Range, bucket: number, sum: Float32Array): void;
  /** The gradient of a shard, or the sum over its block: where it lies. */
  gradient(shard: number, bucket: number): Float32Array;
  /** What the program (additionsOf) makes of several; the same memory for the same key. */
  sum(key: string, bucket: number, program: readonly number[]): Float32Array;
}

/** One of the fewest nodes of the tree that together are the shards. */
interface Cover {
  range: Range;
  /** Of each bucket, what lies in its place, by range; null once the sum has left. */
  held: (Set<string> | null)[];
  state: TreeSum<Float32Array> | null;
  /** The state's sum, once it is whole. */
  whole: Float32Array | null;
}

export class NodeStep implements StepWork<StepCosts> {
  readonly kind = "step";
  readonly plan: StepPlan;
  readonly weights: Weights;
  readonly #empty: readonly number[];
  readonly #hooks: NodeStepHooks;
  readonly #covers: readonly Cover[];
  readonly #losses = new Set<number>();

  /** `plan`: of the whole step, whose `empty` names shards without samples. `shards`: those that the node was given. */
  constructor(plan: StepPlan, shards: readonly number[], weights: Weights, hooks: NodeStepHooks) {
    this.#empty = plan.empty;
    this.#hooks = hooks;
    this.weights = weights;
    // For the node's own workers, shards of others are as good as empty.
    const mine = new Set(shards);
    const others = indicesOf({ start: 0, end: plan.shards }).filter((shard) => !mine.has(shard));
    this.plan = { ...plan, empty: others };
    // A shard without samples adds nothing, so any node may have it in its range.
    const covered = coverOf([...shards, ...plan.empty], plan.shards);
    this.#covers = covered
      .filter((range) => shards.some((shard) => includes(range, { start: shard, end: shard + 1 })))
      .map((range) => ({
        range,
        held: weights.layout.buckets.map(() => new Set()),
        state: weights.layout.stateSize > 0 ? new TreeSum(range, addInPlace, plan.empty) : null,
        whole: null,
      }));
  }

  /** Each range with the sum of its state, if the network has any: all of them, once the work is done. */
  finished(): { range: Range; state: Float32Array | null }[] {
    return this.#covers.map(({ range, whole }) => ({ range, state: whole }));
  }

  addLoss(shard: number, score: Score): void {
    if (this.#losses.has(shard)) return; // computed again after a worker was lost, with the same result
    this.#losses.add(shard);
    this.#hooks.loss(shard, score);
  }

  addGradient(bucket: number, { range }: Part<unknown>): void {
    const cover = this.#coverOf(range);
    const held = cover.held[bucket];
    if (!held) return;
    held.add(rangeKey(range));
    const program = additionsOf(held, cover.range, this.#empty);
    if (!program) return;
    cover.held[bucket] = null;
    const { gradient, sum } = this.#hooks;
    const [first] = program;
    const whole =
      program.length === 1 ? gradient(first!, bucket) : sum(`${cover.range.start}/${bucket}`, bucket, program);
    this.#hooks.bucket(cover.range, bucket, whole);
  }

  addState({ range, values }: Part<Float32Array>): void {
    const cover = this.#coverOf(range);
    cover.whole ??= cover.state?.put(range, values) ?? null;
  }

  #coverOf(range: Range): Cover {
    const cover = this.#covers.find((each) => includes(each.range, range));
    if (!cover) throw new Error(`the range ${rangeKey(range)} is not one of this node's`);
    return cover;
  }

  residual(): never {
    throw new Error("gradients do not travel compressed between nodes");
  }

  result(costs: StepCosts): StepCosts {
    return costs;
  }
}
