import assert from "node:assert/strict";
import { appendFileSync, copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type WrittenRecipe, written } from "../../../src/config/recipe.js";
import { UsageError } from "../../../src/errors.js";
import type { DoneEvent, RunEvent } from "../../../src/events.js";
import { type TrainOptions, train } from "../../../src/index.js";
import { readRecipe } from "../../../src/run/directory.js";
import { fixturePath } from "../../support/fixtures.js";
import { runHere } from "../../support/runs.js";
import { temporaryDirectory } from "../../support/temporary.js";

const OPTIONS: TrainOptions = {
  dataset: "synthetic",
  datasetOptions: { height: 8, width: 8, channels: 1, classes: 3, train: 40, test: 10 },
  batchSize: 12,
  shards: 3,
  steps: 5,
  seed: 7,
  optimizer: "adam",
  lr: 0.01,
  metrics: false,
};

async function run(options: TrainOptions): Promise<{ done: DoneEvent; losses: number[]; events: RunEvent[] }> {
  const events: RunEvent[] = [];
  for await (const event of train({ ...OPTIONS, ...options })) events.push(event);
  const done = events.at(-1)!;
  assert.equal(done.event, "done", JSON.stringify(done));
  const losses = events.flatMap((event) => (event.event === "step" ? [event.loss] : []));
  return { done: done as DoneEvent, losses, events };
}

test("a model of one's own trains to the same bits on one worker and on two, wherever its file lies", async (context) => {
  const dir = temporaryDirectory(context);
  const copy = join(dir, "copy.mjs");
  copyFileSync(fixturePath("models/own.mjs"), copy);
  const one = await run({ model: fixturePath("models/own.mjs"), workers: 1, runDir: join(dir, "one") });
  const two = await run({ model: copy, workers: 2, runDir: join(dir, "two") });
  assert.equal(one.losses.length, 5);
  assert.ok(one.losses.every(Number.isFinite) && new Set(one.losses).size === 5);
  assert.deepEqual(two.losses, one.losses);
  assert.equal(two.done.weights_sha256, one.done.weights_sha256);
  assert.equal(two.done.recipe_sha256, one.done.recipe_sha256);
  const other = await run({ model: copy, workers: 1, seed: 8, runDir: join(dir, "other") });
  assert.notEqual(other.done.weights_sha256, one.done.weights_sha256);
  assert.notEqual(other.done.recipe_sha256, one.done.recipe_sha256);
});

test("a run of a model of one's own goes on from its checkpoint, and not with another file", async (context) => {
  const dir = temporaryDirectory(context);
  const model = join(dir, "model.mjs");
  copyFileSync(fixturePath("models/own.mjs"), model);
  const { workers: _, metrics: __, ...overrides } = OPTIONS;
  const whole = await runHere(context, model, { overrides });
  const runDir = join(dir, "run");
  await runHere(context, model, { overrides, placement: { runDir }, stopAfterStep: 3 });
  const resume = (recipe: WrittenRecipe) =>
    runHere(context, recipe.model, { overrides: recipe, placement: { runDir }, resume: { runDir } });
  const recipe = written(readRecipe(runDir));
  const resumed = await resume(recipe);
  assert.equal(resumed.done.step, 5);
  assert.equal(resumed.done.weights_sha256, whole.done.weights_sha256);
  appendFileSync(model, "\n");
  await assert.rejects(resume(recipe), /not the one that this run was begun with/);
});

test("a file that is missing, or not the recipe's, is found before a worker starts", async (context) => {
  const dir = temporaryDirectory(context);
  const path = join(dir, "model.mjs");
  const fails = async (options: TrainOptions, message: RegExp) => {
    const events: RunEvent[] = [];
    await assert.rejects(
      async () => {
        for await (const event of train({ ...OPTIONS, runDir: join(dir, "run"), ...options })) events.push(event);
      },
      (error) => error instanceof UsageError && message.test(error.message),
    );
    assert.ok(events.every(({ event }) => event === "log"));
  };
  await fails({ model: path }, /model\.mjs does not exist/);
  copyFileSync(fixturePath("models/own.mjs"), path);
  appendFileSync(path, "\n");
  await fails({ model: path, modelSha256: "0".repeat(64) }, /not the one that this run was begun with/);
  await fails({ model: path, modelOptions: { depth: 3 } }, /no option "depth"/);
});

test("a model that no worker can train ends the run at its first word, with the reason", async (context) => {
  const path = join(temporaryDirectory(context), "model.mjs");
  const { workers: _, metrics: __, ...overrides } = OPTIONS;
  for (const [layer, code] of [
    ["tf.layers.gaussianNoise({ stddev: 1 })", "model-layer"],
    ["new Noise({})", "trace-differs"],
  ]) {
    const noise = "class Noise extends tf.layers.Layer { call([x]) { return x.add(tf.randomNormal([1])); } }";
    writeFileSync(
      path,
      `export function createModel(tf, { inputShape, classes }) {
        ${noise}
        Noise.className = "Noise";
        const ends = [${layer}, tf.layers.dense({ units: classes })];
        return tf.sequential({ layers: [tf.layers.flatten({ inputShape }), ...ends] });
      }`,
    );
    const starts: number[] = [];
    const observe = (event: RunEvent) => {
      if (event.event === "worker" && event.state === "starting") starts.push(event.incarnation);
    };
    await assert.rejects(runHere(context, path, { overrides, observe }), { code });
    assert.ok(starts.length > 0 && starts.every((incarnation) => incarnation === 0), `${starts}`);
  }
});
