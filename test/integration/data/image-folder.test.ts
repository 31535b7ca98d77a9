/** Training on image files: decoded in the workers, the same on any number of them; a file that does not decode is named. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { CheckpointStore } from "../../../src/checkpoint/store.js";
import type { RecipeOverrides } from "../../../src/config/resolve.js";
import { loadDataset } from "../../../src/data/datasets.js";
import { LateDecoder } from "../../../src/data/late-decoder.js";
import { evaluate } from "../../../src/evaluation/evaluate.js";
import { noisyPng, writeTree } from "../../support/image-folder.js";
import { runHere, scratch } from "../../support/runs.js";
import { openTestEngine } from "../../support/tensorflow.js";

const CLASSES = ["red", "green", "blue"];
const OPTIONS = { size: 32 };
const RECIPE: RecipeOverrides = {
  dataset: "image-folder",
  datasetOptions: OPTIONS,
  batchSize: 16,
  shards: 4,
  epochs: 2,
  lr: 0.003,
  normalization: "channel",
  augmentation: [{ step: "randomCrop", size: 28 }, { step: "horizontalFlip" }],
};

/** 24 training and 9 test images of many sizes. */
function images(context: TestContext): string {
  const files = CLASSES.flatMap((name, label) =>
    Array.from({ length: 11 }, (_, at): [string, Buffer] => {
      const split = at < 8 ? "train" : "test";
      return [`${split}/${name}/${at}.png`, noisyPng(label, at, 24 + 3 * at, 40 - 2 * at)];
    }),
  );
  return writeTree(scratch(context), Object.fromEntries(files));
}

test("image-folder: one result on one and two workers, and evaluation agrees with the run's", async (context) => {
  const dataDir = images(context);
  const runDir = join(scratch(context), "run");
  const one = await runHere(context, "lenet5", { overrides: RECIPE, placement: { workers: 1, dataDir } });
  const two = await runHere(context, "lenet5", { overrides: RECIPE, placement: { workers: 2, dataDir, runDir } });
  assert.equal(two.done.weights_sha256, one.done.weights_sha256);
  assert.equal(two.done.event, "done");
  const { snapshot } = (await new CheckpointStore(runDir, 1).loadNewest())!;
  assert.deepEqual(snapshot.image, [28, 28, 3]);
  assert.deepEqual(snapshot.classNames, ["blue", "green", "red"]);
  assert.deepEqual(snapshot.pixelStatistics?.mean, [0.485, 0.456, 0.406]);

  const engine = await openTestEngine();
  context.after(() => engine.close());
  const decoder = new LateDecoder();
  decoder.use(engine);
  const { decode } = decoder;
  const cacheDir = scratch(context);
  const dataset = await loadDataset("image-folder", { dataDir, cacheDir, options: OPTIONS, decode });
  const scores = await evaluate(engine, snapshot, dataset, { protocol: "center" });
  assert.equal(scores.accuracy, two.done.accuracy);
  const ten = await evaluate(engine, snapshot, dataset, { protocol: "ten-crop" });
  assert.equal(ten.images, 9);
});

test("image-folder: a file that only decoding shows to be damaged ends the run and is named", async (context) => {
  const dataDir = images(context);
  const damaged = noisyPng(0, 3, 33, 34);
  damaged.fill(0x55, 60, 90); // within the coded pixels: begin and end are a PNG's
  writeTree(dataDir, { "train/red/3.png": damaged });
  await assert.rejects(
    runHere(context, "lenet5", { overrides: RECIPE, placement: { workers: 2, dataDir } }),
    /train\/red\/3\.png: the PNG cannot be decoded/,
  );
});
