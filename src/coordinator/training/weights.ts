/** The double buffer: version v of weights, state and optimizer vectors lies in half v & 1, whole until v+1 is committed. */
import type { Snapshot } from "../../checkpoint/snapshot.js";
import type { TrainingMemory } from "../../exchange/training-memory.js";
import type { Weights } from "./workers.js";

type Values = Pick<Snapshot, "weights" | "state" | "slots">;

export class DoubleBuffer {
  readonly memory: TrainingMemory;
  readonly #halves: readonly [Values, Values];

  /** Starts with the snapshot's values as version `snapshot.step`. */
  constructor(memory: TrainingMemory, snapshot: Pick<Snapshot, "step" | "weights" | "state" | "slots">) {
    this.memory = memory;
    const half = (version: number): Values => ({
      weights: memory.weights(version),
      state: memory.state(version),
      slots: Object.fromEntries(memory.slotNames.map((name) => [name, memory.slot(name, version)])),
    });
    this.#halves = [half(0), half(1)];
    const { weights, state, slots } = this.half(snapshot.step);
    weights.set(snapshot.weights);
    state.set(snapshot.state);
    for (const name of memory.slotNames) {
      const values = snapshot.slots[name];
      if (values) slots[name]!.set(values);
    }
  }

  half(version: number): Values {
    return this.#halves[(version & 1) as 0 | 1];
  }

  /** A version as those who compute may see it. */
  view(version: number): Weights {
    const { layout } = this.memory;
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
