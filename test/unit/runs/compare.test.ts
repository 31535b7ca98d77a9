import assert from "node:assert/strict";
import { test } from "node:test";
import { compareRuns } from "../../../src/runs/compare.js";
import type { RunRow } from "../../../src/runs/types.js";
import { runRow } from "../../support/run-row.js";

const ROW = runRow({ step: 100, steps: 100 });
const RECIPE = { model: "lenet5", lr: 0.1, modelOptions: { width: 1 }, augmentation: [{ step: "horizontalFlip" }] };
const compared = (other: Partial<RunRow>, recipe: object = {}, unwritten = {}) =>
  compareRuns(
    [
      { row: ROW, recipe: RECIPE },
      { row: { ...ROW, name: "two", ...other }, recipe: { ...RECIPE, ...recipe } },
    ],
    unwritten,
  );

test("equal recipes and weights, in words", () => {
  const { differing, same_recipe, same_weights, words } = compared({});
  assert.deepEqual([differing, same_recipe, same_weights], [[], true, true]);
  assert.match(words[0]!, /^The recipe is the same \(equal recipe_sha256\): both compute the same/);
  assert.match(words[1]!, /^The weights are the same, bit by bit/);
});

test("keys that differ, nested and lists too; what is not written has its usual value", () => {
  const { differing, words } = compared(
    { recipe_sha256: "b", weights_sha256: "v" },
    { lr: 0.2, modelOptions: { width: 2 }, augmentation: [], ema: null, accumulate: 2 },
    { ema: null, accumulate: 1 },
  );
  assert.deepEqual(differing, [
    { key: "accumulate", values: [1, 2] },
    { key: "lr", values: [0.1, 0.2] },
    { key: "modelOptions.width", values: [1, 2] },
    { key: "augmentation", values: ['[{"step":"horizontalFlip"}]', "[]"] },
  ]);
  assert.match(
    words[0]!,
    /^The recipes are different \(recipe_sha256\): accumulate, lr, modelOptions\.width, augmentation/,
  );
  assert.match(words[1]!, /different, as they are with different recipes/);
});

test("what must not be, what depends on the length, and what is not known yet", () => {
  assert.match(compared({ weights_sha256: "v" }).words[1]!, /this must not be\. 'cnn-dist verify'/);
  assert.match(compared({ weights_sha256: "v", step: 50 }).words[1]!, /after different steps \(100, 50\)/);
  const open = compared({ weights_sha256: null, recipe_sha256: null });
  assert.deepEqual([open.same_recipe, open.same_weights], [null, null]);
  assert.match(open.words[0]!, /^The recipes that they began with are equal; of a run that has not begun/);
  assert.match(open.words[1]!, /^Whether the weights are equal is not known: two has not told/);
  assert.match(
    compared({ recipe_sha256: "b" }).words[0]!,
    /a resume changed the length of one, or their engines differ/,
  );
  assert.match(compared({ recipe_sha256: null }, { lr: 1 }).words[0]!, /^The recipes differ in lr; of a run/);
});
