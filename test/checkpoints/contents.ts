/** What the checkpoints of these trials hold: a function of the step alone, so that any that loads can be told right from wrong. */
import type { Snapshot } from "../../src/checkpoint/snapshot.js";
import { canonicalJson } from "../../src/config/resolve.js";
import { asBytes } from "../../src/parameters/bytes.js";
import { BUCKET_BYTES, type Layout, layoutOf } from "../../src/parameters/layout.js";
import { filled, testLayout } from "../support/fake-worker.js";
import { testRecipe } from "../support/recipe.js";
import { testSnapshot } from "../support/snapshot.js";

/** A few hundred bytes, and some hundred thousand: then tensors span many of a disk's blocks. */
export const LAYOUTS: Readonly<Record<"small" | "large", Layout>> = {
  small: testLayout(BUCKET_BYTES),
  large: layoutOf(
    (["a", "b", "c"] as const).map((name, index) => ({
      name,
      shape: [64 * (index + 1), 300],
      role: index === 2 ? "state" : "trainable",
      decay: true,
      init: { kind: "zeros" },
    })),
  ),
};

/** With every kind of file that a checkpoint may have. */
export function snapshotAt(step: number, evaluated: boolean, layout: Layout): Snapshot {
  const value = (seed: number) => (index: number) =>
    Math.sin(index * 3.7 + seed * 0.31 + step * 1.7 + Number(evaluated));
  const vector = (seed: number) => filled(layout, value(seed));
  const state = (seed: number) => Float32Array.from({ length: layout.stateSize }, (_, index) => value(seed)(index));
  return testSnapshot(
    {
      recipe: testRecipe({ ema: 0.9, compress: "topk:0.1", shards: 2 }),
      step,
      evaluated,
      best: null,
      loss: step / 7,
      weights: vector(1),
      state: state(2),
      slots: { m: vector(3), v: vector(4) },
      ema: { weights: vector(5), state: state(6) },
      residuals: [vector(7), vector(8)],
    },
    layout,
  );
}

/** Every bit and every word of it. */
export function textOf(snapshot: Snapshot): string {
  const { layout, weights, state, slots, ema, residuals, ...rest } = snapshot;
  const hex = (values: Float32Array) => Buffer.from(asBytes(values)).toString("base64");
  const vectors = [weights, state, ema!.weights, ema!.state, ...Object.values(slots), ...residuals].map(hex);
  const names = [...layout.trainable, ...layout.state].map(({ name, shape }) => `${name} ${shape}`);
  return [canonicalJson({ ...rest, slots: Object.keys(slots) }), ...names, ...vectors].join("\n");
}
