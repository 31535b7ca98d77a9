/** Gathers a shard's pixels and labels; the next shard is gathered while the current one computes. */
import { setImmediate as turn } from "node:timers/promises";
import type { ImageShape } from "../models/spec.js";
import type { Pipeline } from "./augment/pipeline.js";
import type { Split } from "./dataset.js";
import { imageBytes } from "./image-bytes.js";

export interface Gathered {
  /** uint8, NHWC, as the network takes them. */
  readonly pixels: Uint8Array;
  readonly labels: Int32Array;
  /** Call once the arrays are no longer read: the next shard of this size may then be gathered into them. */
  release(): void;
}

interface Prepared {
  key: string;
  gathered: Promise<Gathered>;
}

/** Buffers kept for reuse; a worker has one shard computing and one prepared. */
const SPARE = 2;
/** Pixels (bytes) that are augmented in one go: the event loop, which sends gradients, must not wait long. */
const PIECE_BYTES = 2 ** 20;

/**
 * One per split. Buffers are reused once released, so that a run's memory stays level; they are never overwritten before.
 */
export class ShardLoader {
  readonly #split: Split;
  readonly #sourceBytes: number;
  readonly #imageBytes: number;
  readonly #apply: Pipeline["apply"];
  #prepared: Prepared | null = null;
  #spare: { pixels: Uint8Array; labels: Int32Array }[] = [];
  /** Images on their way through the pipeline. */
  #scratch: Uint8Array[] = [];

  /** `shape`: as the split has its images; `pipeline`: what becomes of them, nothing if it is left out. */
  constructor(split: Split, shape: ImageShape, pipeline: Pipeline = { shape, apply: null }) {
    this.#split = split;
    this.#sourceBytes = imageBytes(shape);
    this.#imageBytes = imageBytes(pipeline.shape);
    this.#apply = pipeline.apply;
  }

  /**
   * Gathers ahead: call it when the current shard computes. `key` names the shard (step and number), so that `take` can
   * tell whether it is the one it wants. Of several prepared shards the last counts.
   */
  prepare(key: string, indices: ArrayLike<number>, epoch = 0): void {
    if (this.#prepared?.key === key) return;
    void this.#prepared?.gathered.then(({ release }) => release()).catch(() => {});
    const gathered = this.#gather(indices, epoch);
    gathered.catch(() => {}); // the caller sees the error when it takes the images
    this.#prepared = { key, gathered };
  }

  /** The prepared shard if it is this one, else gathered now. */
  take(key: string, indices: ArrayLike<number>, epoch = 0): Promise<Gathered> {
    const prepared = this.#prepared;
    if (prepared?.key !== key) return this.#gather(indices, epoch);
    this.#prepared = null;
    return prepared.gathered;
  }

  async #gather(indices: ArrayLike<number>, epoch: number): Promise<Gathered> {
    const found = this.#spare.findIndex(({ labels }) => labels.length === indices.length);
    const buffers = this.#spare.splice(found, found < 0 ? 0 : 1)[0] ?? {
      pixels: new Uint8Array(indices.length * this.#imageBytes),
      labels: new Int32Array(indices.length),
    };
    for (let at = 0; at < indices.length; at++) buffers.labels[at] = this.#split.labels[indices[at]!]!;
    if (this.#apply) await this.#augment(this.#apply, indices, epoch, buffers.pixels);
    else {
      const copying = this.#split.copyImages(indices, buffers.pixels);
      if (copying) await copying;
    }
    let held = true;
    const release = () => {
      if (!held) return;
      held = false;
      this.#spare = [buffers, ...this.#spare].slice(0, SPARE);
    };
    return { ...buffers, release };
  }

  async #augment(
    apply: NonNullable<Pipeline["apply"]>,
    indices: ArrayLike<number>,
    epoch: number,
    pixels: Uint8Array,
  ): Promise<void> {
    const [from, to] = [this.#sourceBytes, this.#imageBytes];
    const most = Math.max(1, Math.floor(PIECE_BYTES / Math.max(from, to)));
    const scratch = this.#scratch.pop() ?? new Uint8Array(most * from);
    for (let start = 0; start < indices.length; start += most) {
      const piece = Array.prototype.slice.call(indices, start, start + most) as number[];
      const copying = this.#split.copyImages(piece, scratch.subarray(0, piece.length * from));
      if (copying) await copying;
      else if (start > 0) await turn();
      for (const [at, sample] of piece.entries()) {
        const place = start + at;
        const target = pixels.subarray(place * to, (place + 1) * to);
        apply(scratch.subarray(at * from, (at + 1) * from), target, epoch, sample);
      }
    }
    this.#scratch.push(scratch);
  }
}
