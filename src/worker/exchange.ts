/** How weights come to a worker and its gradients leave: as frames of messages, or through memory that all share. */
import type { StreamValues } from "../engine/engine.js";
import type { WeightsKind } from "../events.js";
import type { RunMemory } from "../exchange/memory.js";
import { blockAround, byBlock } from "../parameters/blocks.js";
import type { Layout } from "../parameters/layout.js";
import { coverOf, type Range } from "../parameters/tree.js";
import { RangeSum } from "./range-sum.js";
import { Slots } from "./slots.js";
import { WorkerWeights } from "./weights.js";

/** A bucket's sum over a range of shards, ready to be told of; `payload` travels with the message. */
export interface Ready {
  payload?: Float32Array;
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
  /** `present`: shards of the range that have samples. */
  gradients(range: Range, present: readonly number[]): RangeGradients;
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

  gradients(range: Range, present: readonly number[]): RangeGradients {
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

/**
 * Fewest copies: each block's gradient is written to its place once, and the coordinator adds; weights are read where the
 * coordinator wrote them, which it does only to the half that no work in flight reads.
 */
export class SharedExchange implements WorkerExchange {
  readonly #layout: Layout;
  readonly #memory: RunMemory;
  readonly #slots = new Slots();

  constructor(layout: Layout, memory: RunMemory) {
    this.#layout = layout;
    this.#memory = memory;
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
  gradients(range: Range, present: readonly number[]): RangeGradients {
    // A block's sums are in its place before the next block begins, so all blocks take the same memory.
    const sum = new RangeSum(range, present, (vector, level, length) => this.#slots.take(`${vector}/${level}`, length));
    return {
      add: (shard, bucket, values) => {
        const place = this.#memory.gradient(shard, this.#layout.buckets[bucket]!);
        if (present.length === 1) values.copyTo(place);
        else {
          const whole = sum.add(shard, bucket, values);
          if (!whole) return null;
          place.set(whole);
        }
        return {};
      },
    };
  }
}
