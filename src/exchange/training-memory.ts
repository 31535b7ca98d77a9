/** The coordinator's side of a run's memory: what training writes, and the kernels that write it. */
import { average, averageShares } from "../optim/average.js";
import type { OptimizerConfig, Span } from "../optim/optimizer.js";
import { slotNamesOf } from "../optim/optimizers.js";
import type { Layout } from "../parameters/layout.js";
import type { SharedFile } from "./mapping.js";
import { RunMemory } from "./memory.js";
import { placesOf } from "./places.js";
import { Reducer } from "./reducer.js";

export interface TrainingMemoryOptions {
  layout: Layout;
  /** Of a step. */
  shards: number;
  /** Shards a block. */
  block: number;
  optimizer: OptimizerConfig;
  /** Parameters that weight decay passes over. */
  undecayed: readonly Span[];
  /** Decay of the weights' moving average; null: none is kept. */
  ema: number | null;
  /** Whether shards have residuals. */
  compressed: boolean;
}

export class TrainingMemory extends RunMemory {
  readonly layout: Layout;
  readonly slotNames: readonly string[];
  readonly #decay: number | null;
  readonly #shared: boolean;
  readonly #reducer: Reducer;

  /** `shared`: workers write into it, so all of it must be there from the start. CnnDistError `shared-memory` if it is not. */
  constructor(
    file: SharedFile,
    { layout, shards, block, optimizer, undecayed, ema, compressed }: TrainingMemoryOptions,
    { shared }: { shared: boolean },
  ) {
    const slotNames = slotNamesOf(optimizer.name);
    const contents = { shards, block, ema: ema !== null, compressed, slotNames };
    const { bytes } = placesOf(layout, contents);
    if (shared) file.allocate(bytes);
    else file.resize(bytes);
    super(file, layout, contents);
    this.layout = layout;
    this.slotNames = slotNames;
    this.#decay = ema;
    this.#shared = shared;
    this.#reducer = new Reducer(file, layout, this.places, { optimizer, undecayed, ema });
  }

  /** Writes version `step` of the state, and its average. */
  updateState(step: number, values: Float32Array): void {
    this.state(step).set(values);
    const to = this.ema(step);
    if (to) average(this.ema(step - 1)!.state, values, to.state, averageShares(this.#decay!, step));
  }

  /** Of the summed gradient of a bucket; `additions` says which shards' gradients are added how (src/parameters/tree.ts). */
  sumOfSquares(bucket: number, additions: readonly number[]): number {
    return this.#reducer.sumOfSquares(this.layout.buckets[bucket]!, additions);
  }

  /** Adds, and writes version `step` of a bucket's weights, their average and slots; returns the sum of squares of the summed gradient. */
  update(bucket: number, additions: readonly number[], at: { step: number; lr: number; scale: number }): number {
    return this.#reducer.update(this.layout.buckets[bucket]!, additions, at);
  }

  /** Of a version: each shard's, where workers write them here or `keepResiduals` brought them; none without compression. */
  residuals(version: number): Float32Array[] {
    return this.places.residuals.map((_, shard) => this.residual(shard, version));
  }

  /** Shards that compute nothing in a step keep what they kept. Where workers have the residuals, they do that themselves. */
  carryResiduals(step: number, shards: readonly number[]): void {
    if (!this.#shared || this.places.residuals.length === 0) return;
    for (const shard of shards) this.residual(shard, step).set(this.residual(shard, step - 1));
  }
}
