/** One recipe, one result: whatever the number of workers, whoever dies, freezes or comes back, stopped or not. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { RunEvent } from "../../src/events.js";
import { parametersOf } from "../../src/models/parameters.js";
import { buildModel } from "../../src/models/registry.js";
import { layoutOf } from "../../src/parameters/layout.js";
import type { ToCoordinator } from "../../src/protocol/messages.js";
import { type Disturbance, disturbances } from "../support/disturb.js";
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

/** Runs with one worker more than are disturbed: it does what they leave. */
const disturbed = (
  context: TestContext,
  model: string,
  overrides: object,
  all: readonly Disturbance[],
  placement: object = {},
) =>
  runHere(context, model, {
    overrides,
    placement: { workers: all.length + 1, ...placement },
    ...disturbances(all),
  });

type StepMessage = Extract<ToCoordinator, { step: number }>;
/** The first message of a rank's work on a step that is of the type. */
const atStep = (step: number, rank: number, type: StepMessage["type"], bucket?: number) => (message: ToCoordinator) =>
  message.type === type &&
  message.step === step &&
  message.rank === rank &&
  (bucket === undefined || (message.type === "bucket" && message.bucket === bucket));
const kill = (pid: number) => void process.kill(pid, "SIGKILL");

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

  test(`${model}: workers killed after a loss and after a bucket cost nothing`, async (context) => {
    const expected = await reference(context, model);
    const { done, events } = await disturbed(context, model, RECIPE, [
      { when: atStep(3, 1, "loss"), act: kill },
      { when: atStep(3, 2, "bucket"), act: kill },
    ]);
    assert.equal(done.weights_sha256, expected.weights);
    assert.deepEqual(lossesOf(events), expected.losses);
    const lost = lostOf(events).map(({ rank, reason }) => ({ rank, reason }));
    assert.deepEqual(
      lost.toSorted((a, b) => a.rank - b.rank),
      [1, 2].map((rank) => ({ rank, reason: "exit" })),
    );
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
    const second = await cli(["resume", runDir, "--gpus", "1", "--device", "cpu", "--json"]);
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
  const killed = [...Array(buckets).keys()].map((bucket) => ({ bucket, act: kill, reason: "exit" }));
  const frozen = [0, buckets - 1].map((bucket) => ({ bucket, act: freezeForAWhile, reason: "silence" }));
  // Up to three of a run's workers, each after another bucket of the same step.
  const groups = Array.from({ length: Math.ceil(buckets / 3) }, (_, index) => killed.slice(3 * index, 3 * index + 3));
  for (const group of [...groups, frozen]) {
    const all = group.map(({ bucket, act }, index) => ({ when: atStep(2, index + 1, "bucket", bucket), act }));
    const { done, events } = await disturbed(context, "vgg11", overrides, all, {
      maxRestarts: 0, // nothing that is started again would come in time
      ...(group === frozen ? QUICK_TO_NOTICE : {}),
    });
    const what = group.map(({ bucket, reason }) => `${reason} after bucket ${bucket}`).join(", ");
    assert.equal(done.weights_sha256, expected.weights, what);
    assert.deepEqual(lossesOf(events), expected.losses, what);
    for (const [index, { reason }] of group.entries())
      assert.ok(
        lostOf(events).some((lost) => lost.rank === index + 1 && lost.reason === reason),
        what,
      );
  }
});

test("vgg11 in bf16: one, two and three workers end in the same bits", async (context) => {
  const overrides = {
    ...RECIPE,
    batchSize: 16,
    epochs: null,
    steps: 3,
    precision: "bf16" as const,
    modelOptions: { width: 1 / 4 },
    datasetOptions: { ...SMALL_DATA, train: 40, test: 8 },
  };
  const run = (workers: number) => runHere(context, "vgg11", { overrides, placement: { workers } });
  const expected = (await run(1)).done.weights_sha256;
  assert.ok(expected);
  for (const workers of [2, 3]) assert.equal((await run(workers)).done.weights_sha256, expected, `${workers} workers`);
});

test("workers that are frozen are noticed, ended and replaced; one that wakes in time just goes on", async (context) => {
  const expected = await reference(context, "tiny-bn");
  const frozen = await disturbed(
    context,
    "tiny-bn",
    RECIPE,
    [
      { when: atStep(2, 1, "loss"), act: freezeForAWhile },
      { when: atStep(2, 2, "bucket"), act: freezeForAWhile },
    ],
    QUICK_TO_NOTICE,
  );
  assert.equal(frozen.done.weights_sha256, expected.weights);
  const lost = lostOf(frozen.events);
  assert.deepEqual(lost.map(({ rank }) => rank).sort(), [1, 2]);
  for (const { reason, detection_seconds } of lost) {
    assert.equal(reason, "silence");
    assert.ok(detection_seconds! >= QUICK_TO_NOTICE.heartbeatTimeout);
  }
  const freezeShortly = (pid: number) => {
    process.kill(pid, "SIGSTOP");
    setTimeout(() => process.kill(pid, "SIGCONT"), 500);
  };
  const woken = await disturbed(context, "tiny-bn", RECIPE, [{ when: atStep(2, 1, "loss"), act: freezeShortly }]);
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
  const runDir = join(scratch(context), "run");
  const stopped = await runHere(context, model, {
    overrides,
    placement: { workers: 3, maxRestarts: 0, runDir },
    stopAfterStep: 3,
    ...disturbances([{ when: atStep(3, 1, "bucket"), act: kill }]),
  });
  assert.equal(stopped.done.event, "stopped");
  assert.deepEqual(
    lostOf(stopped.events).map(({ rank }) => rank),
    [1],
  );
  const resumed = await runHere(context, model, { overrides, placement: { workers: 2, runDir }, resume: { runDir } });
  assert.equal(resumed.done.weights_sha256, expected.weights);
  assert.deepEqual([...lossesOf(stopped.events), ...lossesOf(resumed.events)], expected.losses);
  const plain = await runHere(context, model, {
    overrides: { ...overrides, augmentation: [] },
    placement: { workers: 1 },
    stopAfterStep: 1,
  });
  assert.notEqual(lossesOf(plain.events)[0], expected.losses[0], "augmentation changes what is learnt");
});
