/** The memory that a node shares with its workers: weights as they come from the coordinator, gradients as workers leave them. */
import type { Recipe } from "../config/recipe.js";
import { globalBatch } from "../data/order.js";
import type { WeightsKind } from "../events.js";
import { Adder } from "../exchange/adder.js";
import type { SharedFile } from "../exchange/mapping.js";
import { RunMemory } from "../exchange/memory.js";
import { type Contents, placesOf } from "../exchange/places.js";
import type { Weights } from "../membership/workers.js";
import type { Layout } from "../parameters/layout.js";
import { asFloat32 } from "../protocol/codec.js";

/** Which buckets of a version are there, in each half of the double buffer. */
type Filled = Map<string, { version: number; buckets: Set<number> }>;

export class NodeMemory {
  readonly layout: Layout;
  readonly #memory: RunMemory;
  readonly #adder: Adder;
  readonly #buckets: readonly number[];
  readonly #filled: Filled = new Map();

  /** `file`: empty. CnnDistError `shared-memory` when there is not enough of it. */
  constructor(file: SharedFile, layout: Layout, recipe: Recipe, block: number) {
    const { shards } = globalBatch(recipe);
    // The optimizer's vectors are the coordinator's alone.
    const contents: Contents = { shards, block, ema: recipe.ema !== null, compressed: false, slotNames: [] };
    file.allocate(placesOf(layout, contents).bytes);
    this.layout = layout;
    this.#memory = new RunMemory(file, layout, contents);
    this.#adder = new Adder(file, layout, this.#memory.places);
    const buckets = layout.buckets.map(({ index }) => index);
    this.#buckets = layout.stateSize > 0 ? [...buckets, -1] : buckets;
  }

  /** Stores a bucket (-1: the state) of a version; false when it does not fit the layout, or the run has no such weights. */
  put(kind: WeightsKind, version: number, bucket: number, payload: Uint8Array | null): boolean {
    const place = this.#buckets.includes(bucket) ? this.#place(kind, version, bucket) : null;
    const values = place && asFloat32(payload, place.length);
    if (!values) return false;
    place.set(values);
    const key = `${kind}/${version % 2}`;
    const filled = this.#filled.get(key);
    if (filled?.version === version) filled.buckets.add(bucket);
    else this.#filled.set(key, { version, buckets: new Set([bucket]) });
    return true;
  }

  #place(kind: WeightsKind, version: number, bucket: number): Float32Array | null {
    const memory = this.#memory;
    const raw = { weights: memory.weights(version), state: memory.state(version) };
    const values = kind === "ema" ? memory.ema(version) : raw;
    if (!values || bucket < 0) return values?.state ?? null;
    const { offset, size } = this.layout.buckets[bucket]!;
    return values.weights.subarray(offset, offset + size);
  }

  /** A version as those who compute may see it. Error while a part of it is missing. */
  view(kind: WeightsKind, version: number): Weights {
    const filled = this.#filled.get(`${kind}/${version % 2}`);
    if (filled?.version !== version || filled.buckets.size < this.#buckets.length)
      throw new Error(`work at version ${version} came before its weights were all there`);
    return {
      layout: this.layout,
      kind,
      version,
      buckets: this.#buckets,
      bucket: (index) => this.#place(kind, version, index)!,
    };
  }

  /** Where a shard's gradient of a bucket lies, or the sum over its block. */
  gradient(shard: number, bucket: number): Float32Array {
    return this.#memory.gradient(shard, this.layout.buckets[bucket]!);
  }

  /** Writes to `sum` what a program (additionsOf) makes of a bucket's gradients. */
  add(bucket: number, program: readonly number[], sum: Float32Array): void {
    this.#adder.add(this.layout.buckets[bucket]!, program, sum);
  }
}
