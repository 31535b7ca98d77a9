/** The residuals of the shards that this worker computes, when gradients travel compressed as frames: two versions of each. */
import type { Bucket, Layout } from "../parameters/layout.js";
import { asFloat32 } from "../protocol/codec.js";

interface Half {
  version: number;
  vector: Float32Array;
  /** Buckets of that version that are there. */
  filled: Set<number>;
}

/** Version v, which a step reads, and v + 1, which it writes; a step that is done again finds v as it was. */
export class ShardResidual {
  readonly #layout: Layout;
  readonly #halves: [Half, Half];

  constructor(layout: Layout, version: number) {
    this.#layout = layout;
    const half = (of: number): Half => ({ version: of, vector: new Float32Array(layout.size), filled: new Set() });
    this.#halves = [half(version), half(-1)];
  }

  /** The whole vector in force at a version: it is that of the last step before it in which the shard had samples. */
  at(version: number): Float32Array | null {
    return this.#heldAt(version)?.vector ?? null;
  }

  #heldAt(version: number): Half | null {
    const whole = this.#halves.filter((half) => half.version >= 0 && half.version <= version && this.#isWhole(half));
    return whole.reduce<Half | null>((newest, half) => (half.version > (newest?.version ?? -1) ? half : newest), null);
  }

  #isWhole({ filled }: Half): boolean {
    return filled.size === this.#layout.buckets.length;
  }

  /** Where the step from `version` writes what it leaves of a bucket. */
  after(version: number, bucket: Bucket): Float32Array {
    const held = this.#heldAt(version);
    const half = this.#halves[0] === held ? this.#halves[1] : this.#halves[0];
    if (half.version !== version + 1) {
      half.version = version + 1;
      half.filled.clear();
    }
    half.filled.add(bucket.index);
    return within(half.vector, bucket);
  }

  /** What the coordinator had of it; without a payload, zeros. False when it does not fit the layout. */
  put(version: number, index: number, payload: Uint8Array | null): boolean {
    const bucket = this.#layout.buckets[index];
    const [half] = this.#halves;
    if (!bucket || half.version !== version) return false;
    if (payload) {
      const values = asFloat32(payload, bucket.size);
      if (!values) return false;
      half.vector.set(values, bucket.offset);
    }
    half.filled.add(index);
    return true;
  }

  /** Whether it is being filled with that version. */
  awaits(version: number): boolean {
    const [half] = this.#halves;
    return half.version === version && !this.#isWhole(half);
  }
}

/** A bucket's part of a flat vector. */
export function within(vector: Float32Array, { offset, size }: Bucket): Float32Array {
  return vector.subarray(offset, offset + size);
}

export class WorkerResiduals {
  readonly #layout: Layout;
  readonly #shards = new Map<number, ShardResidual>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Stores a bucket that the coordinator sent; false when it does not fit the layout. */
  put(shard: number, version: number, bucket: number, payload: Uint8Array | null): boolean {
    let residual = this.#shards.get(shard);
    // In memory of its own: a step that was given up may still write to what this worker had of the shard.
    if (!residual?.awaits(version)) {
      residual = new ShardResidual(this.#layout, version);
      this.#shards.set(shard, residual);
    }
    return residual.put(version, bucket, payload);
  }

  /** Of a shard whose residual in force at that version is here. */
  of(shard: number, version: number): ShardResidual {
    const residual = this.#shards.get(shard);
    if (!residual?.at(version)) throw new Error(`shard ${shard} was given to this worker before its residual was`);
    return residual;
  }

  clear(): void {
    this.#shards.clear();
  }
}
