/** One recipe, one result: whatever the number of workers, whoever dies, freezes or comes back, stopped or not. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { RunEvent } from "../../src/events.js";
import { parametersOf } from "../../src/models/parameters.js";
import { buildModel } from "../../src/models/registry.js";
import { layoutOf } from "../../src/parameters/layout.js";
import type { ToCoordinator } from "../../src/protocol/messages.js";
import { disturbance } from "../support/disturb.js";
import { cli, runHere, SMALL_DATA, scratch } from "../support/runs.js";

/** Across an epoch that ends in a short batch. */
const RECIPE = { optimizer: "adam", batchSize: 64, shards: 4, seed: 7, epochs: 2 } as const;
const MODELS = ["lenet5", "tiny-bn"] as const;

const lossesOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.event === "step" ? [event.loss] : []));
const lostOf = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.event === "worker" && event.state === "lost" ? [event] : []));

const references = new Map<string, Promise<{ weights: string; losses: number[] }>>();
function reference(
  context: TestContext,
  model: string,
  overrides: object = RECIPE,
): Promise<{ weights: string; losses: number[] }> {
  const known =
    references.get(model) ??
    runHere(context, model, { overrides, placement: { workers: 1 } }).then(({ done, events }) => {
      assert.ok(done.weights_sha256 !== null);
      return { weights: done.weights_sha256, losses: lossesOf(events) };
    });
  references.set(model, known);
  return known;
}

/** Runs with two workers and does `act` to one of them when the message comes. */
async function disturbed(
  context: TestContext,
  model: string,
  overrides: object,
  when: (message: ToCoordinator) => boolean,
  act: (pid: number) => void,
  placement: object = {},
) {
  let done = false;
  const once = (pid: number) => {
    done = true;
    act(pid);
  };
  return runHere(context, model, {
    overrides,
    placement: { workers: 2, heartbeatTimeout: 3, ...placement },
    ...disturbance((message) => !done && when(message), once),
  });
}

const QUICK_TO_NOTICE = { heartbeatTimeout: 3 };

/** Stops a process, and wakes it after its silence was noticed; by then it was ended, as it should be. */
function freezeForAWhile(pid: number): void {
  process.kill(pid, "SIGSTOP");
  setTimeout(() => {
    try {
      process.kill(pid, "SIGCONT");
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ESRCH");
    }
  }, 5000).unref();
}

for (const model of MODELS) {
  test(`${model}: one, two and three workers end in the same bits`, async (context) => {
    const expected = await reference(context, model);
    for (const workers of [2, 3]) {
      const { done, events } = await runHere(context, model, { overrides: RECIPE, placement: { workers } });
      assert.equal(done.weights_sha256, expected.weights, `${workers} workers`);
      assert.deepEqual(lossesOf(events), expected.losses);
      assert.equal(done.step, 6);
    }
  });

  test(`${model}: a worker killed after its bucket, or its loss, costs nothing`, async (context) => {
    const expected = await reference(context, model);
    for (const type of ["loss", "bucket"] as const) {
      const { done, events } = await disturbed(
        context,
        model,
        RECIPE,
        (message) => message.type === type && message.step === 3 && message.rank === 1,
        (pid) => process.kill(pid, "SIGKILL"),
      );
      assert.equal(done.weights_sha256, expected.weights, `killed after its ${type}`);
      assert.deepEqual(lossesOf(events), expected.losses);
      assert.equal(lostOf(events)[0]?.reason, "exit");
    }
  });

  test(`${model}: the whole run killed after a checkpoint goes on with another number of workers`, async (context) => {
    const expected = await reference(context, model);
    const runDir = join(scratch(context), "run");
    const data = Object.entries(SMALL_DATA).flatMap(([name, value]) => ["--dataset-option", `${name}=${value}`]);
    const recipe = [
      "--model",
      model,
      "--dataset",
      "synthetic",
      ...data,
      "--optimizer",
      "adam",
      "--batch-size",
      "64",
      "--shards",
      "4",
      "--seed",
      "7",
      "--epochs",
      "2",
    ];
    const first = await cli([
      "launch",
      ...recipe,
      "--gpus",
      "2",
      "--device",
      "cpu",
      "--run-dir",
      runDir,
      "--checkpoint-every-steps",
      "2",
      "--json",
    ]);
    await first.waitFor(({ event }) => event === "checkpoint");
    first.child.kill("SIGKILL");
    await first.ended;
    const second = await cli(["resume", runDir, "--gpus", "3", "--device", "cpu", "--json"]);
    assert.equal((await second.ended).code, 0, second.stderr());
    const done = second.events.at(-1)!;
    assert.equal(done.event, "done");
    assert.equal(done.event === "done" && done.weights_sha256, expected.weights);
  });
}

test("vgg11: a worker killed after each bucket of a step in turn, or frozen after the first or last", async (context) => {
  const overrides = {
    ...RECIPE,
    batchSize: 8,
    epochs: null,
    steps: 3,
    datasetOptions: { ...SMALL_DATA, train: 20, test: 8 },
  };
  const expected = await reference(context, "vgg11", overrides);
  const buckets = layoutOf(parametersOf(buildModel("vgg11", { input: [28, 28, 1], classes: 10 }))).buckets.length;
  assert.ok(buckets >= 4, `only ${buckets} buckets`);
  const after = (bucket: number) => (message: ToCoordinator) =>
    message.type === "bucket" && message.step === 2 && message.rank === 1 && message.bucket === bucket;
  for (let bucket = 0; bucket < buckets; bucket++) {
    for (const [reason, act, placement] of [
      ["exit", (pid: number) => process.kill(pid, "SIGKILL"), {}],
      ["silence", freezeForAWhile, QUICK_TO_NOTICE],
    ] as const) {
      if (reason === "silence" && bucket > 0 && bucket < buckets - 1) continue; // each takes seconds to be noticed
      const { done, events } = await disturbed(context, "vgg11", overrides, after(bucket), act, placement);
      assert.equal(done.weights_sha256, expected.weights, `${reason} after bucket ${bucket}`);
      assert.deepEqual(lossesOf(events), expected.losses);
      assert.ok(
        lostOf(events).some((lost) => lost.rank === 1 && lost.reason === reason),
        `${reason} after bucket ${bucket}`,
      );
    }
  }
});

test("a worker that is frozen is noticed, ended and replaced; one that wakes in time just goes on", async (context) => {
  const expected = await reference(context, "tiny-bn");
  const atStep = (type: string) => (message: ToCoordinator) =>
    message.type === type && "step" in message && message.step === 2 && message.rank === 1;
  for (const type of ["loss", "bucket"]) {
    const frozen = await disturbed(context, "tiny-bn", RECIPE, atStep(type), freezeForAWhile, QUICK_TO_NOTICE);
    assert.equal(frozen.done.weights_sha256, expected.weights);
    const [lost] = lostOf(frozen.events);
    assert.equal(lost?.reason, "silence");
    assert.ok(lost!.detection_seconds! >= QUICK_TO_NOTICE.heartbeatTimeout);
  }
  const woken = await disturbed(context, "tiny-bn", RECIPE, atStep("loss"), (pid) => {
    process.kill(pid, "SIGSTOP");
    setTimeout(() => process.kill(pid, "SIGCONT"), 500);
  });
  assert.equal(woken.done.weights_sha256, expected.weights);
  assert.equal(lostOf(woken.events).length, 0);
});

test("auxiliary heads, batch normalisation, dropout, augmentation and normalisation: one result on any workers, through a death and a resume", async (context) => {
  const overrides = {
    ...RECIPE,
    batchSize: 16,
    modelOptions: { width: 1 / 16 },
    datasetOptions: { height: 24, width: 24, channels: 3, classes: 10, train: 40, test: 12 },
    normalization: "channel" as const,
    augmentation: [
      { step: "padAndCrop" as const, padding: 3 },
      { step: "horizontalFlip" as const },
      { step: "colorNoise" as const, stddev: 0.1 },
    ],
  };
  const model = "googlenet-bn";
  const expected = await reference(context, model, overrides);
  assert.equal(expected.losses.length, 6);
  const three = await runHere(context, model, { overrides, placement: { workers: 3 } });
  assert.equal(three.done.weights_sha256, expected.weights);
  const killed = await disturbed(
    context,
    model,
    overrides,
    (message) => message.type === "bucket" && message.step === 4 && message.rank === 1,
    (pid) => process.kill(pid, "SIGKILL"),
  );
  assert.equal(killed.done.weights_sha256, expected.weights);
  assert.equal(lostOf(killed.events).length, 1);
  const runDir = join(scratch(context), "run");
  const stopped = await runHere(context, model, { overrides, placement: { workers: 2, runDir }, stopAfterStep: 2 });
  assert.equal(stopped.done.event, "stopped");
  const resumed = await runHere(context, model, { overrides, placement: { workers: 1, runDir }, resume: { runDir } });
  assert.equal(resumed.done.weights_sha256, expected.weights);
  const unchanged = await runHere(context, model, { overrides: { ...overrides, augmentation: [] } });
  assert.notEqual(unchanged.done.weights_sha256, expected.weights, "augmentation changes what is learnt");
});
