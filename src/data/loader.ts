/** Gathers a shard's pixels and labels; the next shard is gathered while the current one computes. */
import type { Split } from "./dataset.js";

export interface Gathered {
  /** uint8, NHWC. */
  pixels: Uint8Array;
  labels: Int32Array;
}

export class ShardLoader {
  readonly #split: Split;
  readonly #imageBytes: number;
  #prepared: { key: string; gathered: Gathered } | null = null;

  constructor(split: Split, imageBytes: number) {
    this.#split = split;
    this.#imageBytes = imageBytes;
  }

  /** Gathers ahead. `key` names the shard (step and number), so that `take` can tell whether it is the one it wants. */
  prepare(key: string, indices: ArrayLike<number>): void {
    if (this.#prepared?.key !== key) this.#prepared = { key, gathered: this.#gather(indices) };
  }

  /** The arrays are the caller's own. */
  take(key: string, indices: ArrayLike<number>): Gathered {
    const prepared = this.#prepared;
    this.#prepared = null;
    return prepared?.key === key ? prepared.gathered : this.#gather(indices);
  }

  #gather(indices: ArrayLike<number>): Gathered {
    const pixels = new Uint8Array(indices.length * this.#imageBytes);
    this.#split.copyImages(indices, pixels);
    return { pixels, labels: Int32Array.from(indices, (index) => this.#split.labels[index]!) };
  }
}
