/** The double buffer: version v of weights, state and optimizer vectors lies in half v & 1, whole until v+1 is committed. */
import type { Snapshot } from "../../checkpoint/snapshot.js";
import type { Buffers } from "../../optim/optimizer.js";
import type { Layout } from "../../parameters/layout.js";
import type { Weights } from "./workers.js";

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

  /** A version as those who compute may see it. */
  view(version: number): Weights {
    const { layout } = this;
    const { weights, state } = this.half(version);
    const buckets = layout.buckets.map(({ index }) => index);
    return {
      layout,
      version,
      buckets: layout.stateSize > 0 ? [...buckets, -1] : buckets,
      bucket(index) {
        if (index < 0) return state;
        const { offset, size } = layout.buckets[index]!;
        return weights.subarray(offset, offset + size);
      },
    };
  }
}
