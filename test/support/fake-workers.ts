/** Behind the training's port: whoever computes, as one function. Its "gradients" are arithmetic that a test can repeat. */

import { shardSpan } from "../../src/data/order.js";
import type { EvaluationWork, StepWork, Work, Workers } from "../../src/membership/workers.js";
import { coverOf, type Range } from "../../src/parameters/tree.js";
import { COSTS, sumOf } from "./step-values.js";

export interface FakeWorkersOptions {
  /** Blocks of shards, in the order in which they are handed over; each block gives the fewest sums that cover it. */
  blocks?: (shards: readonly number[]) => readonly (readonly number[])[];
  /** Called before each piece of work; what it throws `collect` rejects with. */
  before?: (work: Work<unknown>) => void | Promise<void>;
  loss?: (step: number, shard: number) => number;
  /** Of one image of the test set. */
  score?: () => number;
}

export class FakeWorkers implements Workers {
  readonly #options: FakeWorkersOptions;
  readonly published: { version: number; bucket: number }[] = [];

  constructor(options: FakeWorkersOptions = {}) {
    this.#options = options;
  }

  async collect<Result>(work: Work<Result>): Promise<Result> {
    await this.#options.before?.(work);
    if (work.kind === "evaluation") return this.#evaluate(work);
    return this.#step(work);
  }

  async keepResiduals(): Promise<void> {}

  rolledBack(): void {}

  publish({ version }: { version: number }, bucket: number): void {
    this.published.push({ version, bucket });
  }

  #step<Result>(work: StepWork<Result>): Result {
    const { step, batch, shards, empty } = work.plan;
    const present = Array.from({ length: shards }, (_, shard) => shard).filter((shard) => !empty.includes(shard));
    const share = (shard: number) => {
      const { start, end } = shardSpan(batch, shards, shard);
      return (end - start) / batch;
    };
    /** A shard's vector for one bucket: of its weights, its number, the step and its samples. */
    const sum = (range: Range, bucket: number) => {
      const weights = work.weights.bucket(bucket);
      return sumOf(range, weights.length, empty, (shard) =>
        weights.map((value, index) => (value * 0.3 - Math.sin(step + shard * 7 + index)) * share(shard)),
      )!;
    };
    for (const block of this.#options.blocks?.(present) ?? [present]) {
      const from = `rank ${block[0]}`;
      for (const shard of block)
        work.addLoss(shard, { loss: this.#options.loss?.(step, shard) ?? share(shard), hits: 1 }, from);
      for (const range of coverOf(block, shards))
        for (const bucket of work.weights.buckets) {
          const part = { from, range, values: sum(range, bucket) };
          if (bucket < 0) work.addState(part);
          else work.addGradient(bucket, part);
        }
    }
    return work.result(COSTS);
  }

  #evaluate<Result>(work: EvaluationWork<Result>): Result {
    const [first] = work.weights.bucket(0);
    for (const [chunk, { start, end }] of [...work.chunks.entries()].reverse())
      work.addScore(chunk, {
        loss: (end - start) * (this.#options.score?.() ?? Math.abs(first!)),
        hits: end - start - 1,
      });
    return work.result();
  }
}
