/** A worker's copy of the newest versions of the weights, in memory that TensorFlow reads in place. */
import type { Layout } from "../parameters/layout.js";
import { asFloat32 } from "../protocol/codec.js";

interface Held {
  version: number;
  /** Buckets in order, then the state if there is any. */
  vectors: readonly Float32Array[];
  filled: Set<number>;
}

export class WorkerWeights {
  readonly #held: readonly Held[];

  /** `versions`: how many are kept at a time. */
  constructor(layout: Layout, versions: number, allocate: (length: number) => Float32Array) {
    const sizes = [...layout.buckets.map(({ size }) => size), ...(layout.stateSize > 0 ? [layout.stateSize] : [])];
    this.#held = Array.from({ length: versions }, () => ({
      version: -1,
      vectors: sizes.map(allocate),
      filled: new Set<number>(),
    }));
  }

  /** Stores one bucket (-1: the state) of a version; false when it does not fit the layout. */
  put(version: number, bucket: number, payload: Uint8Array | null): boolean {
    const held = this.#held[version % this.#held.length]!;
    const index = bucket < 0 ? held.vectors.length - 1 : bucket;
    const vector = held.vectors[index];
    const values = vector ? asFloat32(payload, vector.length) : null;
    if (!vector || !values) return false;
    if (held.version !== version) {
      held.version = version;
      held.filled.clear();
    }
    vector.set(values);
    held.filled.add(index);
    return true;
  }

  /** All vectors of a version; null while any is missing. */
  get(version: number): readonly Float32Array[] | null {
    const held = this.#held[version % this.#held.length]!;
    return held.version === version && held.filled.size === held.vectors.length ? held.vectors : null;
  }
}
