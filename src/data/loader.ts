/** Gathers a shard's pixels and labels; the next shard is gathered while the current one computes. */
import type { Split } from "./dataset.js";

export interface Gathered {
  /** uint8, NHWC. */
  readonly pixels: Uint8Array;
  readonly labels: Int32Array;
  /** Call once the arrays are no longer read: the next shard of this size may then be gathered into them. */
  release(): void;
}

interface Prepared {
  key: string;
  gathered: Gathered;
}

/** Buffers kept for reuse; a worker has one shard computing and one prepared. */
const SPARE = 2;

/**
 * One per split. Buffers are reused once released, so that a run's memory stays level; they are never overwritten before.
 */
export class ShardLoader {
  readonly #split: Split;
  readonly #imageBytes: number;
  #prepared: Prepared | null = null;
  #spare: { pixels: Uint8Array; labels: Int32Array }[] = [];

  constructor(split: Split, imageBytes: number) {
    this.#split = split;
    this.#imageBytes = imageBytes;
  }

  /**
   * Gathers ahead: call it when the current shard computes. `key` names the shard (step and number), so that `take` can
   * tell whether it is the one it wants. Of several prepared shards the last counts.
   */
  prepare(key: string, indices: ArrayLike<number>): void {
    if (this.#prepared?.key === key) return;
    this.#prepared?.gathered.release();
    this.#prepared = { key, gathered: this.#gather(indices) };
  }

  /** The prepared shard if it is this one, else gathered now. */
  async take(key: string, indices: ArrayLike<number>): Promise<Gathered> {
    const prepared = this.#prepared;
    if (prepared?.key !== key) return this.#gather(indices);
    this.#prepared = null;
    return prepared.gathered;
  }

  #gather(indices: ArrayLike<number>): Gathered {
    const found = this.#spare.findIndex(({ labels }) => labels.length === indices.length);
    const buffers = this.#spare.splice(found, found < 0 ? 0 : 1)[0] ?? {
      pixels: new Uint8Array(indices.length * this.#imageBytes),
      labels: new Int32Array(indices.length),
    };
    this.#split.copyImages(indices, buffers.pixels);
    for (let at = 0; at < indices.length; at++) buffers.labels[at] = this.#split.labels[indices[at]!]!;
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      this.#spare = [buffers, ...this.#spare].slice(0, SPARE);
    };
    return { ...buffers, release };
  }
}
