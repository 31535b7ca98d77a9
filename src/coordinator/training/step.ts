/** The sums of one step: losses, gradients bucket by bucket, and the state, added along the tree over the shards. */
import { CnnDistError } from "../../errors.js";
import type {
  BucketSpan,
  Packed,
  Part,
  Score,
  StepCosts,
  StepPlan,
  StepWork,
  Weights,
} from "../../membership/workers.js";
import { addInPlace, additionsOf, includes, rangeKey, rootOf, TreeSum } from "../../parameters/tree.js";

export interface StepResult extends Score {
  /** When gradients that came as frames were put into their places. */
  reduced: readonly BucketSpan[];
  /** When the last of the gradients was there. */
  lastGradientMs: number;
  costs: StepCosts;
}

export interface StepHooks {
  /** Milliseconds. */
  now(): number;
  /** Where the gradient of a bucket over a range that begins with this shard is to lie. */
  place(shard: number, bucket: number): Float32Array;
  /** What a shard had kept back at a version at which residuals were kept. */
  residual(shard: number, version: number): Float32Array;
  /** Called once a bucket, as soon as all of it lies there; throws to end the run. */
  complete(bucket: number, additions: readonly number[], parts: readonly Origin[]): void;
  /** The same for the state, if the network has any. */
  reducedState(state: Float32Array): void;
}

/** Who computed the gradient over a range. */
export type Origin = Pick<Part<unknown>, "from" | "range">;

export class StepSum implements StepWork<StepResult> {
  readonly kind = "step";
  readonly plan: StepPlan;
  readonly weights: Weights;
  readonly #hooks: StepHooks;
  readonly #losses = new Map<number, Score>();
  /** What lies in its place, by range; null once the bucket is complete. */
  readonly #gradients: (Map<string, Origin> | null)[];
  #state: TreeSum<Float32Array> | null;
  readonly #reduced: BucketSpan[] = [];
  #lastGradientMs = 0;

  constructor(plan: StepPlan, weights: Weights, hooks: StepHooks) {
    this.plan = plan;
    this.weights = weights;
    this.#hooks = hooks;
    this.#gradients = weights.layout.buckets.map(() => new Map());
    this.#state = weights.layout.stateSize > 0 ? new TreeSum(rootOf(plan.shards), addInPlace, plan.empty) : null;
  }

  addLoss(shard: number, score: Score, from: string): void {
    if (!Number.isFinite(score.loss))
      throw new CnnDistError(
        "not-finite",
        `step ${this.plan.step}, shard ${shard}, ${from}: the loss is ${score.loss}; the step was not applied. Lower --lr, add --lr-warmup-epochs or --clip-grad-norm, or look at the data.`,
      );
    this.#losses.set(shard, score);
  }

  residual(shard: number, version: number): Float32Array {
    return this.#hooks.residual(shard, version);
  }

  addGradient(bucket: number, { from, range, values }: Part<Float32Array | Packed | null>): void {
    const held = this.#gradients[bucket];
    // The same shards may come again after a worker was lost: with the same bits, and perhaps in other ranges.
    if (!held || [...held.values()].some((other) => includes(other.range, range))) return;
    for (const other of held.values()) if (includes(range, other.range)) held.delete(rangeKey(other.range));
    const startMs = this.#hooks.now();
    this.#lastGradientMs = startMs;
    if (values) {
      const place = this.#hooks.place(range.start, bucket);
      if (values instanceof Float32Array) place.set(values);
      else values.unpack(place);
      this.#reduced.push({ bucket, startMs, endMs: this.#hooks.now() });
    }
    held.set(rangeKey(range), { from, range });
    const additions = additionsOf(held, rootOf(this.plan.shards), this.plan.empty);
    if (!additions) return;
    this.#gradients[bucket] = null;
    this.#hooks.complete(bucket, additions, [...held.values()]);
  }

  addState({ range, values }: Part<Float32Array>): void {
    const whole = this.#state?.put(range, values);
    if (!whole) return;
    this.#state = null;
    this.#hooks.reducedState(whole);
  }

  /** Losses are added shard by shard, in their order. */
  result(costs: StepCosts): StepResult {
    const { step, shards, empty } = this.plan;
    const missing = this.#gradients.filter((held) => held !== null).length + (this.#state ? 1 : 0);
    if (missing > 0 || this.#losses.size < shards - empty.length)
      throw new Error(`step ${step} was called done with ${missing} sums and some losses missing`);
    let loss = 0;
    let hits = 0;
    for (const shard of [...this.#losses.keys()].sort((a, b) => a - b)) {
      loss += this.#losses.get(shard)!.loss;
      hits += this.#losses.get(shard)!.hits;
    }
    return { loss, hits, reduced: this.#reduced, lastGradientMs: this.#lastGradientMs, costs };
  }
}
