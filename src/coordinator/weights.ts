/** The double buffer: version v of weights, state and optimizer vectors lies in half v & 1, whole until v+1 is committed. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import type { Buffers } from "../optim/optimizer.js";
import type { Layout } from "../parameters/layout.js";

export interface Half extends Buffers {
  state: Float32Array;
}

export class DoubleBuffer {
  readonly layout: Layout;
  readonly #halves: readonly [Half, Half];

  /** Starts with the snapshot's values as version `snapshot.step`. */
  constructor(
    layout: Layout,
    snapshot: Pick<Snapshot, "step" | "weights" | "state" | "slots">,
    slotNames: readonly string[],
  ) {
    this.layout = layout;
    const empty = (): Half => ({
      weights: new Float32Array(layout.size),
      state: new Float32Array(layout.stateSize),
      slots: Object.fromEntries(slotNames.map((name) => [name, new Float32Array(layout.size)])),
    });
    this.#halves = [empty(), empty()];
    const half = this.half(snapshot.step);
    half.weights.set(snapshot.weights);
    half.state.set(snapshot.state);
    for (const name of slotNames) {
      const values = snapshot.slots[name];
      if (values) half.slots[name]!.set(values);
    }
  }

  half(version: number): Half {
    return this.#halves[(version & 1) as 0 | 1];
  }

  /** A view of one bucket's weights; bucket -1 is the state. */
  bucket(version: number, index: number): Float32Array {
    const half = this.half(version);
    if (index < 0) return half.state;
    const { offset, size } = this.layout.buckets[index]!;
    return half.weights.subarray(offset, offset + size);
  }

  /** Bucket numbers that together are one version. */
  parts(): number[] {
    const buckets = this.layout.buckets.map(({ index }) => index);
    return this.layout.stateSize > 0 ? [...buckets, -1] : buckets;
  }
}
