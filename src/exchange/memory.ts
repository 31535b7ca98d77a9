/** A run's vectors as arrays over its shared file: two versions of weights and state, and a gradient for each shard. */
import type { Bucket, Layout } from "../parameters/layout.js";
import type { SharedFile } from "./mapping.js";
import { type Contents, type Places, placesOf } from "./places.js";

export class RunMemory {
  readonly places: Places;
  readonly #layout: Layout;
  readonly #bytes: ArrayBuffer;

  /** In the coordinator the file is to be allocated before; in a worker it has been. */
  constructor(file: SharedFile, layout: Layout, contents: Contents) {
    this.#layout = layout;
    this.places = placesOf(layout, contents);
    this.#bytes = file.view();
  }

  #vector(offset: number, elements: number): Float32Array {
    return new Float32Array(this.#bytes, offset, elements);
  }

  /** The flat vector of a version: version v lies in half v & 1. */
  weights(version: number): Float32Array {
    return this.#vector(this.places.weights[version % 2 === 0 ? 0 : 1], this.#layout.size);
  }

  state(version: number): Float32Array {
    return this.#vector(this.places.state[version % 2 === 0 ? 0 : 1], this.#layout.stateSize);
  }

  /** The moving average of weights and state at a version; null in a run without one. */
  ema(version: number): { weights: Float32Array; state: Float32Array } | null {
    const { ema } = this.places;
    const half = version % 2 === 0 ? 0 : 1;
    return (
      ema && {
        weights: this.#vector(ema.weights[half], this.#layout.size),
        state: this.#vector(ema.state[half], this.#layout.stateSize),
      }
    );
  }

  /** One of the optimizer's vectors; they are the coordinator's alone. */
  slot(name: string, version: number): Float32Array {
    return this.#vector(this.places.slots[name]![version % 2 === 0 ? 0 : 1], this.#layout.size);
  }

  /** Where a shard's gradient of a bucket lies, or the sum over its block. */
  gradient(shard: number, { offset, size }: Pick<Bucket, "offset" | "size">): Float32Array {
    return this.#vector(this.places.gradients[shard]! + offset * 4, size);
  }

  /** A version of what a shard kept back: the flat vector. RangeError in a run without compression. */
  residual(shard: number, version: number): Float32Array {
    const places = this.places.residuals[shard];
    if (!places) throw new RangeError(`shard ${shard} has no residual in this run`);
    return this.#vector(places[version % 2 === 0 ? 0 : 1], this.#layout.size);
  }
}
