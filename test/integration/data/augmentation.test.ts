/** Augmented and normalised training: one result on any number of workers, stopped or not; evaluation sees it undisturbed. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CheckpointStore } from "../../../src/checkpoint/store.js";
import type { RecipeOverrides } from "../../../src/config/resolve.js";
import { loadDataset } from "../../../src/data/datasets.js";
import { pixelStatistics } from "../../../src/data/statistics.js";
import { evaluate } from "../../../src/evaluation/evaluate.js";
import { runHere, scratch } from "../../support/runs.js";
import { openTestEngine } from "../../support/tensorflow.js";

const DATA = { height: 30, width: 34, channels: 3, classes: 5, train: 70, test: 40 };
const RECIPE: RecipeOverrides = {
  datasetOptions: DATA,
  batchSize: 32,
  shards: 4,
  epochs: 2,
  normalization: "channel",
  augmentation: [
    { step: "padAndCrop", padding: 3 },
    { step: "randomResizedCrop", size: 28, scale: [0.5, 1] },
    { step: "horizontalFlip" },
    { step: "colorNoise" },
  ],
};

test("augmentation: one worker, two, and a run stopped and resumed end in the same bits", async (context) => {
  const runDir = join(scratch(context), "run");
  const one = await runHere(context, "lenet5", { overrides: RECIPE, placement: { workers: 1 } });
  const two = await runHere(context, "lenet5", {
    overrides: RECIPE,
    placement: { workers: 2, runDir },
    stopAfterStep: 4,
  });
  assert.equal(two.done.event, "stopped");
  const rest = await runHere(context, "lenet5", {
    overrides: {
      ...RECIPE,
      datasetSha256: one.events.flatMap((each) => (each.event === "plan" ? [each.dataset.sha256] : []))[0],
    },
    placement: { workers: 1, runDir },
    resume: { runDir },
  });
  assert.equal(rest.done.weights_sha256, one.done.weights_sha256);
  assert.equal(rest.done.recipe_sha256, one.done.recipe_sha256);
  const plan = one.events.find((event) => event.event === "plan")!;
  assert.deepEqual(plan.input, [28, 28, 3]);

  const plain = await runHere(context, "lenet5", {
    overrides: { ...RECIPE, augmentation: [], steps: 1 },
    placement: { workers: 1 },
  });
  assert.notEqual(plain.done.recipe_sha256, one.done.recipe_sha256);

  const { snapshot } = (await new CheckpointStore(runDir, 1).loadNewest())!;
  const dataset = await loadDataset("synthetic", { cacheDir: "/nowhere", options: DATA });
  assert.deepEqual(snapshot.pixelStatistics, await pixelStatistics(dataset));
  const state = JSON.parse(readFileSync(join(rest.done.checkpoint!, "state.json"), "utf8"));
  assert.deepEqual(state.pixelStatistics, snapshot.pixelStatistics);
  const engine = await openTestEngine();
  context.after(() => engine.close());
  const scores = await evaluate(engine, snapshot, dataset, { protocol: "center" });
  const last = rest.events.findLast((event) => event.event === "eval")!;
  assert.equal(scores.accuracy, last.accuracy);
  assert.ok(Math.abs(scores.loss - last.loss) < 1e-5);
});
