/** Ctrl-C at every phase: answered at once, saved where there is something to save, exit code 75, resumable. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { RunEvent } from "../../../src/events.js";
import { type CliRun, cli, scratch } from "../../support/runs.js";

const SHAPE = ["height=28", "width=28", "channels=1"];
/** vgg11 at half its width: a step of a tenth of a second, and a checkpoint of 18 MB. */
const VGG11 = ["--model", "vgg11", "--model-option", "width=0.5"];
const launch = (workers: number, train: number, testImages: number, ...more: string[]) => [
  ...`launch --device cpu --gpus ${workers} --json --dataset synthetic`.split(" "),
  ...[...SHAPE, `train=${train}`, `test=${testImages}`].flatMap((each) => ["--dataset-option", each]),
  ...more,
];

async function interrupt(run: CliRun): Promise<void> {
  run.child.kill("SIGINT");
  assert.equal((await run.ended).code, 75, run.stderr());
  assert.match(run.stderr(), /SIGINT: stopping/);
}

/** Waits for the moment, interrupts, and resumes to see that what was saved is whole. */
async function stopAt(
  context: TestContext,
  words: readonly string[],
  moment: (event: RunEvent) => boolean,
): Promise<RunEvent[]> {
  const runDir = join(scratch(context), "run");
  const run = await cli([...words, "--run-dir", runDir]);
  await run.waitFor(moment);
  await interrupt(run);
  const last = run.events.at(-1)!;
  assert.equal(last.event, "stopped");
  if (last.event === "stopped" && last.step > 0) {
    assert.ok(last.checkpoint !== null && existsSync(join(last.checkpoint, "manifest.json")));
    const resumed = await cli([
      "resume",
      runDir,
      "--device",
      "cpu",
      "--gpus",
      "1",
      "--json",
      "--steps",
      String(last.step + 1),
    ]);
    assert.equal((await resumed.ended).code, 0, resumed.stderr());
    assert.ok(resumed.events.some((event) => event.event === "step" && event.step === last.step + 1));
  }
  assert.ok(!existsSync(join(runDir, "lock")));
  assert.deepEqual(
    readdirSync(join(runDir, "checkpoints")).filter((name) => name.endsWith(".tmp")),
    [],
  );
  return run.events;
}

test("while a worker starts, and while it builds its network", async (context) => {
  for (const state of ["starting", "tracing"]) {
    const events = await stopAt(
      context,
      launch(2, 64, 16, "--model", "lenet5", "--batch-size", "16"),
      (event) => event.event === "worker" && event.state === state,
    );
    assert.ok(!events.some(({ event }) => event === "step"));
  }
});

test("in a step", async (context) => {
  await stopAt(
    context,
    launch(2, 640, 8, ...VGG11, "--batch-size", "64"),
    (event) => event.event === "step" && event.step === 2,
  );
});

test("in an evaluation", async (context) => {
  const events = await stopAt(
    context,
    launch(1, 16, 2000, ...VGG11, "--batch-size", "16", "--epochs", "3"),
    (event) => event.event === "step" && event.step === 1,
  );
  assert.ok(!events.some(({ event }) => event === "eval"), "the evaluation was not finished first");
});

test("while a checkpoint is written", async (context) => {
  await stopAt(
    context,
    launch(1, 640, 8, ...VGG11, "--batch-size", "16", "--checkpoint-every-steps", "1"),
    (event) => event.event === "checkpoint",
  );
});

test("while TensorFlow is downloaded", async (context) => {
  const dir = scratch(context);
  const python = join(dir, "python3");
  writeFileSync(python, '#!/bin/sh\ncase "$*" in *pip*) exec sleep 600;; *) exit 1;; esac\n', { mode: 0o755 });
  const cache = join(dir, "cache");
  const run = await cli(launch(2, 64, 16, "--model", "lenet5", "--batch-size", "16", "--run-dir", join(dir, "run")), {
    env: { CNN_DIST_TENSORFLOW: "", CNN_DIST_CACHE: cache, CNN_DIST_PYTHON: python },
  });
  const installing = () =>
    existsSync(join(cache, "tensorflow")) &&
    readdirSync(join(cache, "tensorflow")).some((name) => name.startsWith("installing-"));
  for (let attempt = 0; attempt < 200 && !installing(); attempt++)
    await new Promise((resolve) => setTimeout(resolve, 50));
  await interrupt(run);
  assert.ok(!installing(), "a half-finished installation is left");
  assert.ok(!existsSync(join(dir, "run")));
});
