/** A worker's copy of two versions of the weights, in memory that TensorFlow reads in place. */
import type { Layout } from "../parameters/layout.js";
import { asFloat32 } from "../protocol/codec.js";

interface Half {
  version: number;
  /** Buckets in order, then the state if there is any. */
  vectors: readonly Float32Array[];
  filled: Set<number>;
}

export class WorkerWeights {
  readonly #halves: readonly [Half, Half];

  constructor(layout: Layout, allocate: (length: number) => Float32Array) {
    const sizes = [...layout.buckets.map(({ size }) => size), ...(layout.stateSize > 0 ? [layout.stateSize] : [])];
    const half = (): Half => ({ version: -1, vectors: sizes.map(allocate), filled: new Set() });
    this.#halves = [half(), half()];
  }

  /** Stores one bucket (-1: the state) of a version; false when it does not fit the layout. */
  put(version: number, bucket: number, payload: Uint8Array | null): boolean {
    const half = this.#halves[(version & 1) as 0 | 1];
    const index = bucket < 0 ? half.vectors.length - 1 : bucket;
    const vector = half.vectors[index];
    const values = vector ? asFloat32(payload, vector.length) : null;
    if (!vector || !values) return false;
    if (half.version !== version) {
      half.version = version;
      half.filled.clear();
    }
    vector.set(values);
    half.filled.add(index);
    return true;
  }

  /** All vectors of a version; null while any is missing. */
  get(version: number): readonly Float32Array[] | null {
    const half = this.#halves[(version & 1) as 0 | 1];
    return half.version === version && half.filled.size === half.vectors.length ? half.vectors : null;
  }
}
