/** The sums of one step: losses, gradients bucket by bucket, and the state, added along the tree over the shards. */
import { CnnDistError } from "../../errors.js";
import { addInPlace, childrenOf, type Range, rangeKey, TreeSum } from "../../parameters/tree.js";
import type { Part, Score, StepCosts, StepPlan, StepWork, Weights } from "./workers.js";

export interface StepResult extends Score {
  reduceSeconds: number;
  costs: StepCosts;
}

export interface StepHooks {
  /** Milliseconds. */
  now(): number;
  /** Called once a bucket, as soon as its sum is whole; throws to end the run. `parts` are what it was added from. */
  reduced(bucket: number, gradient: Float32Array, parts: readonly SummedPart[]): void;
  /** The same for the state, if the network has any. */
  reducedState(state: Float32Array): void;
}

/** Unless a part is `intact`, others were added onto it in place. */
export interface SummedPart extends Part {
  readonly intact: boolean;
}

export class StepSum implements StepWork<StepResult> {
  readonly kind = "step";
  readonly plan: StepPlan;
  readonly weights: Weights;
  readonly #hooks: StepHooks;
  readonly #losses = new Map<number, Score>();
  readonly #parts: SummedPart[][];
  /** Null once the sum is whole. */
  readonly #gradients: (TreeSum<Float32Array> | null)[];
  #state: TreeSum<Float32Array> | null;
  #reduceMs = 0;

  constructor(plan: StepPlan, weights: Weights, hooks: StepHooks) {
    this.plan = plan;
    this.weights = weights;
    this.#hooks = hooks;
    const sum = () => new TreeSum<Float32Array>(plan.shards, addInPlace, plan.empty);
    this.#gradients = weights.layout.buckets.map(sum);
    this.#parts = weights.layout.buckets.map(() => []);
    this.#state = weights.layout.stateSize > 0 ? sum() : null;
  }

  addLoss(shard: number, score: Score, from: string): void {
    if (!Number.isFinite(score.loss))
      throw new CnnDistError(
        "not-finite",
        `step ${this.plan.step}, shard ${shard}, ${from}: the loss is ${score.loss}; the step was not applied. Lower --lr, add --lr-warmup-epochs or --clip-grad-norm, or look at the data.`,
      );
    this.#losses.set(shard, score);
  }

  addGradient(bucket: number, part: Part): void {
    const sum = this.#gradients[bucket];
    if (!sum) return; // whole already: the same shards came again after a worker was lost
    const parts = this.#parts[bucket]!;
    parts.push({ ...part, intact: !isLeft(part.range, this.plan.shards) });
    const start = this.#hooks.now();
    const whole = sum.put(part.range, part.values);
    this.#reduceMs += this.#hooks.now() - start;
    if (!whole) return;
    this.#gradients[bucket] = null;
    this.#parts[bucket] = [];
    this.#hooks.reduced(bucket, whole, parts);
  }

  addState(part: Part): void {
    const whole = this.#state?.put(part.range, part.values);
    if (!whole) return;
    this.#state = null;
    this.#hooks.reducedState(whole);
  }

  /** Losses are added shard by shard, in their order. */
  result(costs: StepCosts): StepResult {
    const { step, shards, empty } = this.plan;
    const missing = this.#gradients.filter((sum) => sum !== null).length + (this.#state ? 1 : 0);
    if (missing > 0 || this.#losses.size < shards - empty.length)
      throw new Error(`step ${step} was called done with ${missing} sums and some losses missing`);
    let loss = 0;
    let hits = 0;
    for (const shard of [...this.#losses.keys()].sort((a, b) => a - b)) {
      loss += this.#losses.get(shard)!.loss;
      hits += this.#losses.get(shard)!.hits;
    }
    return { loss, hits, reduceSeconds: this.#reduceMs / 1000, costs };
  }
}

/** Whether a node of the tree is the left half of its parent: the one that the right half is added onto. */
function isLeft(range: Range, shards: number): boolean {
  let node: Range = { start: 0, end: shards };
  for (let children = childrenOf(node); children; children = childrenOf(node)) {
    const [left, right] = children;
    if (rangeKey(left) === rangeKey(range)) return true;
    if (rangeKey(right) === rangeKey(range)) return false;
    node = range.start < right.start ? left : right;
  }
  return false;
}
