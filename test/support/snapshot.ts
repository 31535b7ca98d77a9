import type { Snapshot } from "../../src/checkpoint/snapshot.js";
import { NEW_SCHEDULE } from "../../src/optim/schedule.js";
import { BUCKET_BYTES } from "../../src/parameters/layout.js";
import { FINGERPRINT, filled, testLayout } from "./fake-worker.js";
import { testRecipe } from "./recipe.js";

/** A small, whole snapshot; every vector has values of its own. */
export function testSnapshot(changes: Partial<Snapshot> = {}, layout = testLayout(BUCKET_BYTES)): Snapshot {
  const vector = (seed: number) => filled(layout, (index) => Math.sin(index * 3.7 + seed));
  return {
    recipe: testRecipe(),
    recipeSha256: "a".repeat(64),
    image: [28, 28, 1],
    classNames: ["boot", "coat"],
    pixelStatistics: null,
    fingerprint: FINGERPRINT,
    layout,
    step: 12,
    epoch: 2,
    stepInEpoch: 1,
    schedule: NEW_SCHEDULE,
    best: { accuracy: 0.5, loss: 1.25, epoch: 1, step: 9 },
    loss: 0.75,
    evaluated: false,
    weights: vector(1),
    state: Float32Array.from({ length: layout.stateSize }, (_, index) => Math.sin(index * 3.7 + 2)),
    slots: { m: vector(3), v: vector(4) },
    ema: null,
    residuals: [],
    ...changes,
  };
}
