/** The double buffer: version v of weights, state and optimizer vectors lies in half v & 1, whole until v+1 is committed. */
import type { Snapshot } from "../../checkpoint/snapshot.js";
import type { WeightsKind } from "../../events.js";
import type { TrainingMemory } from "../../exchange/training-memory.js";
import type { Weights } from "../../membership/workers.js";

type Values = Pick<Snapshot, "weights" | "state" | "slots" | "ema" | "residuals">;

export class DoubleBuffer {
  readonly memory: TrainingMemory;
  readonly #halves: readonly [Values, Values];

  /** Starts with the snapshot's values as version `snapshot.step`. */
  constructor(memory: TrainingMemory, snapshot: Pick<Snapshot, "step"> & Values) {
    this.memory = memory;
    const half = (version: number): Values => ({
      weights: memory.weights(version),
      state: memory.state(version),
      slots: Object.fromEntries(memory.slotNames.map((name) => [name, memory.slot(name, version)])),
      ema: memory.ema(version),
      residuals: memory.residuals(version),
    });
    this.#halves = [half(0), half(1)];
    this.load(snapshot);
  }

  /** Takes over the snapshot's values as version `snapshot.step`, whatever is there. */
  load(snapshot: Pick<Snapshot, "step"> & Values): void {
    const { memory } = this;
    const { weights, state, slots, ema, residuals } = this.half(snapshot.step);
    weights.set(snapshot.weights);
    state.set(snapshot.state);
    const averages = snapshot.ema ?? snapshot;
    ema?.weights.set(averages.weights);
    ema?.state.set(averages.state);
    for (const name of memory.slotNames) {
      const values = snapshot.slots[name];
      if (values) slots[name]!.set(values);
      else slots[name]!.fill(0);
    }
    for (const [shard, residual] of residuals.entries()) {
      const values = snapshot.residuals[shard];
      if (values) residual.set(values);
      else residual.fill(0);
    }
  }

  half(version: number): Values {
    return this.#halves[(version & 1) as 0 | 1];
  }

  /** A version as those who compute may see it; `ema`: its moving average, which a run without one does not have. */
  view(version: number, kind: WeightsKind = "raw"): Weights {
    const { layout } = this.memory;
    const half = this.half(version);
    const { weights, state } = kind === "ema" ? half.ema! : half;
    const buckets = layout.buckets.map(({ index }) => index);
    return {
      layout,
      kind,
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
