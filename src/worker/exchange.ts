/** How weights come to a worker and its gradients leave: as frames of messages, or through memory that all share. */
import type { StreamValues } from "../engine/engine.js";
import type { WeightsKind } from "../events.js";
import type { Compressor } from "../exchange/compression/compressor.js";
import type { RunMemory } from "../exchange/memory.js";
import { Slots } from "../exchange/slots.js";
import { blockAround, byBlock } from "../parameters/blocks.js";
import type { Layout } from "../parameters/layout.js";
import { coverOf, type Range } from "../parameters/tree.js";
import { RangeSum } from "./range-sum.js";
import { type WorkerResiduals, within } from "./residuals.js";
import { WorkerWeights } from "./weights.js";

/** A bucket's sum over a range of shards, ready to be told of; `payload` travels with the message. */
export interface Ready {
  payload?: Float32Array | Uint8Array;
}

export interface RangeGradients {
  /** Takes a shard's gradient of a bucket; `values` are only there during the call. Null while the range is not whole. */
  add(shard: number, bucket: number, values: StreamValues): Ready | null;
}

export interface WorkerExchange {
  /** Stores a bucket (-1: the state) of a version that came as a frame; false when none is expected. */
  put(kind: WeightsKind, version: number, bucket: number, payload: Uint8Array | null): boolean;
  /** The vectors of a version: buckets in order, then the state if there is any. Null while one is missing. */
  weights(kind: WeightsKind, version: number): readonly Float32Array[] | null;
  /** Ranges whose sums are handed over, for the shards that this worker computes. */
  ranges(shards: readonly number[]): Range[];
  /** Of the step from `version`; `present`: shards of the range that have samples. */
  gradients(range: Range, present: readonly number[], version: number): RangeGradients;
}

/**
 * Fewest bytes: a range's shards are added here, along the tree. Sums lie in slots that the next step writes again: its
 * assignment comes when the coordinator has all of the step before.
 */
export class FrameExchange implements WorkerExchange {
  readonly #shards: number;
  readonly #raw: WorkerWeights;
  /** Made when the first average comes; it is only evaluated, so one version is enough. */
  #ema: WorkerWeights | null = null;
  readonly #newEma: () => WorkerWeights;
  readonly #slots = new Slots();

  /** `shards`: of a step. `allocate` gives memory that TensorFlow reads in place. */
  constructor(layout: Layout, shards: number, allocate: (length: number) => Float32Array) {
    this.#shards = shards;
    this.#raw = new WorkerWeights(layout, 2, allocate);
    this.#newEma = () => new WorkerWeights(layout, 1, allocate);
  }

  put(kind: WeightsKind, version: number, bucket: number, payload: Uint8Array | null): boolean {
    if (kind === "ema") this.#ema ??= this.#newEma();
    return (kind === "ema" ? this.#ema! : this.#raw).put(version, bucket, payload);
  }

  weights(kind: WeightsKind, version: number): readonly Float32Array[] | null {
    return (kind === "ema" ? this.#ema : this.#raw)?.get(version) ?? null;
  }

  ranges(shards: readonly number[]): Range[] {
    return coverOf(shards, this.#shards);
  }

  gradients(range: Range, present: readonly number[], _version: number): RangeGradients {
    const sum = new RangeSum(range, present, (vector, level, length) =>
      this.#slots.take(`${range.start}/${vector}/${level}`, length),
    );
    return {
      add(shard, bucket, values) {
        const payload = sum.add(shard, bucket, values);
        return payload && { payload };
      },
    };
  }
}

/** Fewer bytes: each shard's gradient leaves alone, compressed, and what that leaves waits here for the next step. */
export class CompressedExchange extends FrameExchange {
  readonly #layout: Layout;
  readonly #compressor: Compressor;
  readonly #residuals: WorkerResiduals;
  readonly #sent = new Slots();

  constructor(
    layout: Layout,
    shards: number,
    allocate: (length: number) => Float32Array,
    compression: { compressor: Compressor; residuals: WorkerResiduals },
  ) {
    super(layout, shards, allocate);
    this.#layout = layout;
    this.#compressor = compression.compressor;
    this.#residuals = compression.residuals;
  }

  override ranges(shards: readonly number[]): Range[] {
    return shards.map(alone);
  }

  override gradients(range: Range, _present: readonly number[], version: number): RangeGradients {
    const held = this.#residuals.of(range.start, version);
    const residual = held.at(version)!;
    return {
      add: (shard, index, values) => {
        const bucket = this.#layout.buckets[index]!;
        const gradient = this.#sent.take(`${index}`, bucket.size);
        values.copyTo(gradient);
        const sent = this.#sent.bytes(`${shard}/${index}`, this.#compressor.bytesOf(bucket.size));
        this.#compressor.compress(gradient, within(residual, bucket), held.after(version, bucket), sent);
        return { payload: sent };
      },
    };
  }
}

const alone = (shard: number): Range => ({ start: shard, end: shard + 1 });

/**
 * Fewest copies: each block's gradient is written to its place once, and the coordinator adds; weights are read where the
 * coordinator wrote them, which it does only to the half that no work in flight reads.
 */
export class SharedExchange implements WorkerExchange {
  readonly #layout: Layout;
  readonly #memory: RunMemory;
  readonly #compressor: Compressor | null;
  readonly #slots = new Slots();

  constructor(layout: Layout, memory: RunMemory, compressor: Compressor | null) {
    this.#layout = layout;
    this.#memory = memory;
    this.#compressor = compressor;
  }

  put(): boolean {
    return false;
  }

  weights(kind: WeightsKind, version: number): readonly Float32Array[] | null {
    const memory = this.#memory;
    const raw = { weights: memory.weights(version), state: memory.state(version) };
    const values = kind === "ema" ? memory.ema(version) : raw;
    if (!values) return null;
    const vectors = this.#layout.buckets.map(({ offset, size }) => values.weights.subarray(offset, offset + size));
    return this.#layout.stateSize > 0 ? [...vectors, values.state] : vectors;
  }

  ranges(shards: readonly number[]): Range[] {
    const { block, gradients } = this.#memory.places;
    return byBlock(shards, block).map(([first]) => blockAround(first!, block, gradients.length));
  }

  /** A place gets the block's whole sum alone: if another worker computes it again, it writes the same bits. */
  gradients(range: Range, present: readonly number[], version: number): RangeGradients {
    // A block's sums are in its place before the next block begins, so all blocks take the same memory.
    const sum = new RangeSum(range, present, (vector, level, length) => this.#slots.take(`${vector}/${level}`, length));
    return {
      add: (shard, bucket, values) => {
        const place = this.#memory.gradient(shard, this.#layout.buckets[bucket]!);
        const sent = this.#compressor ? this.#compressed(this.#compressor, { shard, bucket, values, version }) : values;
        if (present.length === 1) sent.copyTo(place);
        else {
          const whole = sum.add(shard, bucket, sent);
          if (!whole) return null;
          place.set(whole);
        }
        return {};
      },
    };
  }

  /** What is added of a shard's gradient: what would have come over frames. */
  #compressed(
    compressor: Compressor,
    { shard, bucket: index, values, version }: { shard: number; bucket: number; values: StreamValues; version: number },
  ): StreamValues {
    const bucket = this.#layout.buckets[index]!;
    const residual = (at: number) => within(this.#memory.residual(shard, at), bucket);
    const gradient = this.#slots.take(`gradient/${index}`, bucket.size);
    values.copyTo(gradient);
    const sent = this.#slots.bytes(`${index}`, compressor.bytesOf(bucket.size));
    compressor.compress(gradient, residual(version), residual(version + 1), sent);
    return { length: bucket.size, copyTo: (target) => compressor.decompress(sent, target) };
  }
}
