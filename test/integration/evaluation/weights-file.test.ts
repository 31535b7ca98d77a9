/** Weights in a safetensors file are evaluated, predicted with and exported by the command line, without a training step. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Scores } from "../../../src/evaluation/scores.js";
import type { EvalEvent } from "../../../src/events.js";
import { fixturePath } from "../../support/fixtures.js";
import { noisyPng, writeTree } from "../../support/image-folder.js";
import { cli, runHere, SMALL_DATA, scratch } from "../../support/runs.js";

const DATA = [
  "--dataset",
  "synthetic",
  ...Object.entries(SMALL_DATA).flatMap(([key, value]) => ["--dataset-option", `${key}=${value}`]),
];

async function said(words: readonly string[], cwd: string) {
  const run = await cli(words, { cwd });
  const { code } = await run.ended;
  return { code, stdout: run.stdout(), stderr: run.stderr() };
}

async function trained(context: TestContext) {
  const cwd = scratch(context);
  const runDir = join(cwd, "run");
  const { events } = await runHere(context, "lenet5", { overrides: { steps: 6 }, placement: { runDir, workers: 1 } });
  const { loss, accuracy } = events.findLast((event): event is EvalEvent => event.event === "eval")!;
  return { cwd, runDir, loss, accuracy };
}

test("an exported file gives the run's own scores, its predictions, and every other format", async (context) => {
  const { cwd, runDir, loss, accuracy } = await trained(context);
  const file = join(cwd, "lenet5.safetensors");
  const done = await said(["export", runDir, "--format", "safetensors", "--output", file], cwd);
  assert.equal(done.code, 0, done.stderr);
  const inference = ["--device", "cpu", "--threads", "1", "--json"];
  const json = await said(["evaluate", file, ...DATA, ...inference], cwd);
  assert.equal(json.code, 0, json.stderr);
  const scores = JSON.parse(json.stdout) as Scores & { checkpoint: string; step: number };
  assert.ok(Math.abs(scores.loss - loss) < 1e-6 * loss, `${scores.loss} and ${loss}`);
  assert.deepEqual([scores.accuracy, scores.checkpoint, scores.step], [accuracy, file, 0]);
  const image = fixturePath("images/gradient.png");
  const [ofFile, ofRun] = [
    await said(["predict", file, image, ...inference], cwd),
    await said(["predict", runDir, image, ...inference], cwd),
  ];
  assert.equal(ofFile.code, 0, ofFile.stderr);
  assert.equal(ofFile.stdout, ofRun.stdout);
  const keras = await said(["export", file, "--format", "keras", "--output", join(cwd, "out.keras")], cwd);
  assert.equal(keras.code, 0, keras.stderr);
  assert.ok(existsSync(join(cwd, "out.keras")));
  const none = await said(["export", file, "--format", "safetensors", "--names", "torchvision"], cwd);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /torchvision has no lenet5/);
});

test("another image folder is evaluated at the size that the run's had", async (context) => {
  const folder = () =>
    writeTree(
      scratch(context),
      Object.fromEntries(
        ["red", "green"].flatMap((name, label) =>
          Array.from({ length: 6 }, (_, at): [string, Buffer] => [
            `${at < 4 ? "train" : "test"}/${name}/${at}.png`,
            noisyPng(label, at, 40 + at, 44),
          ]),
        ),
      ),
    );
  const runDir = join(scratch(context), "run");
  await runHere(context, "lenet5", {
    overrides: { dataset: "image-folder", datasetOptions: { size: 30 }, batchSize: 4, steps: 1 },
    placement: { runDir, workers: 1, dataDir: folder() },
  });
  const words = ["evaluate", runDir, "--dataset", "image-folder", "--data-dir", folder(), "--device", "cpu", "--json"];
  const { code, stdout, stderr } = await said(words, scratch(context));
  assert.equal(code, 0, stderr);
  assert.equal((JSON.parse(stdout) as Scores).images, 4);
});
