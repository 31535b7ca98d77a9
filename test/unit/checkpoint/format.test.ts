import assert from "node:assert/strict";
import { test } from "node:test";
import { contentsOf, snapshotOf } from "../../../src/checkpoint/format.js";
import { FINGERPRINT, filled, testLayout } from "../../support/fake-worker.js";
import { testRecipe } from "../../support/recipe.js";
import { testSnapshot } from "../../support/snapshot.js";

test("the engine's fingerprint is kept; a state from before it was has none, and one that is not whole is refused", () => {
  const contents = contentsOf(testSnapshot());
  assert.deepEqual(snapshotOf(contents).fingerprint, FINGERPRINT);
  const { fingerprint, ...before } = contents.state;
  assert.equal(snapshotOf({ ...contents, state: before }).fingerprint, null);
  const { onednn: _, ...damaged } = fingerprint!;
  assert.throws(() => snapshotOf({ ...contents, state: { ...before, fingerprint: damaged } }), {
    code: "checkpoint",
    message: /fingerprint\.onednn/,
  });
});

test("a moving average is kept beside the weights, and a recipe with one is refused without it", () => {
  const layout = testLayout();
  const ema = { weights: filled(layout, Math.cos), state: new Float32Array(layout.stateSize).fill(3) };
  const contents = contentsOf(testSnapshot({ recipe: testRecipe({ ema: 0.9 }), ema }, layout));
  assert.deepEqual(
    contents.ema!.map(({ name, shape }) => [name, shape]),
    contents.weights.map(({ name, shape }) => [name, shape]),
  );
  const back = snapshotOf(contents);
  assert.equal(back.recipe.ema, 0.9);
  assert.deepEqual(contentsOf(back).ema, contents.ema);
  assert.throws(() => snapshotOf({ ...contents, ema: null }), { code: "checkpoint", message: /no ema\.safetensors/ });
  assert.equal(snapshotOf(contentsOf(testSnapshot())).ema, null);
});
