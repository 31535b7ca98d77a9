/** What the library makes of its options, before anything starts. */
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Gpu } from "../../../src/engine/gpus.js";
import { resume, train } from "../../../src/index.js";
import type { TrainOptions } from "../../../src/library/options.js";
import { trainingOf } from "../../../src/library/train.js";
import { RunDirectory } from "../../../src/run/directory.js";
import { inProcess } from "../../support/cli.js";
import { seeEightGpus } from "../../support/gpus.js";
import { temporaryDirectory } from "../../support/temporary.js";

const gpu = (index: number): Gpu => ({
  index,
  uuid: `GPU-${index}`,
  name: "Fake",
  memoryTotalBytes: 2 ** 36,
  memoryUsedBytes: 0,
  utilization: 0,
  temperatureCelsius: 30,
  powerWatts: 50,
});
const EIGHT = { remote: false, gpus: async () => Array.from({ length: 8 }, (_, index) => gpu(index)) };
const NONE = { remote: false, gpus: async () => [] };

test("gpus is workers by another name", async () => {
  for (const options of [{ gpus: 3 }, { workers: 3 }, { gpus: 3, workers: 3 }])
    assert.equal((await trainingOf(options, NONE)).placement.workers, 3);
  assert.equal((await trainingOf({}, NONE)).placement.workers, null);
  await assert.rejects(trainingOf({ gpus: 3, workers: 2 }, NONE), /"gpus" and "workers" are two names of one option/);
});

test("shards follow the workers that will be started: every visible GPU, unless they are not to be used", async () => {
  const shards = async (options: TrainOptions, where: typeof EIGHT) => (await trainingOf(options, where)).recipe.shards;
  assert.equal(await shards({}, EIGHT), 8);
  assert.equal(await shards({ device: "cpu" }, EIGHT), 4);
  assert.equal(await shards({ workers: 6 }, EIGHT), 6);
  assert.equal(await shards({ shards: 5 }, EIGHT), 5);
  assert.equal(await shards({}, NONE), 4);
  // Of a coordinator the workers come from elsewhere: this machine's GPUs say nothing about them.
  assert.equal(await shards({}, { ...EIGHT, remote: true }), 4);
});

test("on one machine, the library and the command line come to the same recipe", async (context) => {
  seeEightGpus(context);
  // Seven images cannot be cut into eight shards: the refusal tells how many there would be.
  const { stderr } = await inProcess(["launch", "--batch-size", "7"]);
  assert.match(stderr, /--batch-size 7 is smaller than --shards 8/);
  await assert.rejects(train({ batchSize: 7 }).next(), /--batch-size 7 is smaller than --shards 8/);
});

test("autoResume goes on with the run in runDir, whose shards stay, and begins it where it has not trained", async (context) => {
  const runDir = join(temporaryDirectory(context), "run");
  const asked = { runDir, autoResume: true, seed: 3, dataset: "synthetic" };
  await assert.rejects(trainingOf({ autoResume: true }, NONE), /--run-dir is missing/);
  assert.equal((await trainingOf(asked, NONE)).resume, undefined);

  const { recipe } = await trainingOf({ ...asked, workers: 6 }, NONE);
  RunDirectory.create(runDir, { ...recipe, datasetSha256: "d".repeat(64) }).close();
  assert.equal((await trainingOf({ ...asked, seed: 4 }, NONE)).resume, undefined, "nothing of it is lost");

  mkdirSync(join(runDir, "checkpoints", "step-00000001"));
  const found = await trainingOf({ ...asked, workers: 2, epochs: 9 }, NONE);
  assert.deepEqual(found.resume, { runDir });
  assert.deepEqual(found.recipe, { ...recipe, datasetSha256: "d".repeat(64), epochs: 9 });
  await assert.rejects(trainingOf({ ...asked, seed: 4, shards: 4 }, NONE), {
    code: "run-differs",
    message: /shards is 6 there, 4 here; .*seed is 3 there, 4 here/,
  });
});

test("an option that is not known or not possible is named as the library calls it", async () => {
  const first = (options: object) => train(options as TrainOptions).next();
  await assert.rejects(first({ batchsize: 8 }), /train: "batchsize" is not known \(did you mean "batchSize"\?\)/);
  await assert.rejects(
    first({ workers: "two" }),
    /train: "workers": expected a whole number from 1 to 1024, received "two"/,
  );
  await assert.rejects(first({ augmentation: 3 }), /train: "augmentation": expected a list, received 3/);
  await assert.rejects(first({ modelOptions: 3 }), /train: "modelOptions": expected an object, received 3/);
  await assert.rejects(first({ optimizer: "adma" }), { code: "config", exitCode: 2, message: /did you mean "adam"/ });
  await assert.rejects(resume("/nonexistent", { lr: 1 } as object).next(), /resume: "lr" is not known/);
});

test("a signal that was given before the start ends as stopped, and nothing is begun", async () => {
  for (const events of [
    train({ signal: AbortSignal.abort() }),
    resume("/nonexistent", { signal: AbortSignal.abort() }),
  ]) {
    const all = [];
    for await (const event of events) all.push(event);
    assert.equal(all.length, 1);
    const [last] = all;
    assert.ok(last?.event === "stopped");
    assert.deepEqual([last.step, last.weights_sha256, last.checkpoint], [0, null, null]);
  }
});
