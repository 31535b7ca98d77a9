import assert from "node:assert/strict";
import { resolve } from "node:path";
import { test } from "node:test";
import type { Recipe } from "../../../src/config/recipe.js";
import { recipeSha256 } from "../../../src/config/resolve.js";
import { recipeOfBoth } from "../../../src/run/auto-resume.js";
import { testRecipe } from "../../support/recipe.js";

/** As a run writes its recipe: with the hash of its data. */
const BEGUN = testRecipe({ datasetSha256: "d".repeat(64), epochs: 5 });
const ASKED = testRecipe({ datasetSha256: null, epochs: 5 });

test("what a launch does not know yet comes from the run, and the hash is the run's", () => {
  const recipe = recipeOfBoth(ASKED, BEGUN, "runs/a");
  assert.deepEqual(recipe, BEGUN);
  assert.equal(recipeSha256(recipe), recipeSha256(BEGUN));
});

test("the length is the one that was asked for", () => {
  const { epochs, steps } = recipeOfBoth({ ...ASKED, epochs: null, steps: 70 }, BEGUN, "runs/a");
  assert.deepEqual([epochs, steps], [null, 70]);
});

test("everything that differs is named, with both values and the folder", () => {
  const asked = { ...ASKED, batchSize: 4, lr: 0.5, datasetSha256: "e".repeat(64) };
  assert.throws(() => recipeOfBoth(asked, { ...BEGUN, lr: 0.25 }, "runs/a"), {
    code: "run-differs",
    exitCode: 2,
    message:
      /^--auto-resume: the run in runs\/a has another recipe: (?=.*batchSize is 8 there, 4 here)(?=.*lr is 0.25 there, 0.5 here)(?=.*datasetSha256 is "dddd)/,
  });
  assert.throws(() => recipeOfBoth({ ...ASKED, accumulate: 2 }, BEGUN, "runs/a"), {
    message: /accumulate is not given there, 2 here/,
  });
});

test("weights to begin from are the same where the path is; the options that they asked for are the run's", () => {
  const [initWeights, initWeightsSha256] = [resolve("w.safetensors"), "a".repeat(64)];
  const model = (options: Record<string, boolean>): Recipe["model"] => ({
    kind: "table",
    name: "googlenet-bn",
    options,
  });
  const begun: Recipe = { ...BEGUN, initWeights, initWeightsSha256, model: model({ transformInput: true }) };
  const asked: Recipe = { ...ASKED, initWeights: "w.safetensors", model: model({}) };
  assert.deepEqual(recipeOfBoth(asked, begun, "runs/a"), begun);
  assert.throws(() => recipeOfBoth({ ...asked, model: model({ transformInput: false }) }, begun, "runs/a"), {
    message: /modelOptions is \{"transformInput":true\} there, \{"transformInput":false\} here/,
  });
  assert.throws(() => recipeOfBoth({ ...asked, initWeights: "v.safetensors" }, begun, "runs/a"), /initWeights/);
  assert.throws(() => recipeOfBoth({ ...asked, initWeights: null }, begun, "runs/a"), /initWeights/);
});

test("a model of one's own is known by its hash: it may lie elsewhere now", () => {
  const file = (path: string, sha256: string): Recipe["model"] => ({ kind: "file", path, sha256 });
  const begun = { ...BEGUN, model: file("/old/own.mjs", "1".repeat(64)) };
  const asked = { ...ASKED, model: file("/new/own.mjs", "1".repeat(64)) };
  assert.deepEqual(recipeOfBoth(asked, begun, "runs/a").model, asked.model);
  assert.throws(() => recipeOfBoth({ ...asked, model: file("/new/own.mjs", "2".repeat(64)) }, begun, "runs/a"), {
    message: /modelSha256 is "111/,
  });
});
