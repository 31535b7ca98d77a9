/**
 * `npm run goodput:nodes` (CNN_DIST_TEST_MINUTES, else ten): four machines in namespaces, one of them (never the first) killed every minute and
 * started again; prints goodput: the training images of the steps that were committed, over those of as long a time at the pace
 * of the steps in which nothing happened. Ends with 1 below 0.9, or where the bits are not those of one machine. Root.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { DoneEvent, RunEvent, StepEvent } from "../../src/events.js";
import { median } from "../../src/membership/pace.js";
import { BIN } from "../support/cli.js";
import { machines } from "../support/machines.js";
import { runHere, SMALL_DATA, scratch } from "../support/runs.js";
import { tensorflowDir } from "../support/tensorflow.js";
import { until } from "../support/until.js";

const MINUTES = Number(process.env.CNN_DIST_TEST_MINUTES ?? 10);
const ASKED = 0.9;
const DATA = { ...SMALL_DATA, train: 4096 };
const RECIPE = { optimizer: "adam", batchSize: 1024, shards: 8, seed: 7, lrScheduler: "constant" } as const;
const FLAGS = [
  ...["--model", "lenet5", "--dataset", "synthetic", "--device", "cpu", "--gpus", "2"],
  ...Object.entries(DATA).flatMap(([name, value]) => ["--dataset-option", `${name}=${value}`]),
  ...["--optimizer", "adam", "--batch-size", "1024", "--shards", "8", "--seed", "7", "--lr-scheduler", "constant"],
  ...["--epochs", "100000", "--evaluate-every-epochs", "0", "--checkpoint-every-steps", "0", "--json"],
];

test(`goodput over ${MINUTES} minutes, a node killed every minute`, {
  timeout: (MINUTES + 20) * 60_000,
}, async (context) => {
  const all = await machines(context, ["n0", "n1", "n2", "n3"]);
  const runDir = join(scratch(context), "run");
  const env = { CNN_DIST_TENSORFLOW: await tensorflowDir(), NO_COLOR: "1", XDG_STATE_HOME: scratch(context) };
  const launch = (rank: number) => {
    const where = ["--nodes", "4", "--node-rank", `${rank}`, "--rendezvous", `${all[0]!.address}:5555`];
    return all[rank]!.start([process.execPath, BIN, "launch", ...FLAGS, ...where, "--run-dir", runDir], { env });
  };
  const run = launch(0);
  const events = () =>
    run.output.stdout
      .split("\n")
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => JSON.parse(line) as RunEvent);
  const steps = () => events().filter((event): event is StepEvent => event.event === "step");
  for (const rank of [1, 2, 3]) launch(rank);
  await until(() => run.output.stdout.includes('"7":{"shards"')); // all eight ranks compute
  const begun = { atMs: performance.now(), step: steps().at(-1)!.step };
  for (let minute = 0; minute < MINUTES; minute++) {
    await pause(30_000);
    const victim = all[1 + (minute % 3)]!;
    await victim.powerOff();
    await victim.powerOn();
    launch(1 + (minute % 3));
    await pause(30_000);
  }
  const seconds = (performance.now() - begun.atMs) / 1000;
  const done = steps().filter(({ step }) => step > begun.step);
  all[0]!.signal(run, "SIGTERM");
  assert.equal((await run.ended).code, 75, run.output.stderr);
  // The usual step is one with all ranks, in which nothing happened.
  const usual = median(
    done.filter(({ ranks }) => Object.keys(ranks).length === 8).map((step) => step.duration_seconds),
  );
  const goodput = (done.length * usual) / seconds;
  const lost = events().flatMap((event) => (event.event === "node" && event.state === "lost" ? [event] : []));
  context.diagnostic(
    `goodput ${goodput.toFixed(3)}: ${done.length} steps in ${seconds.toFixed(0)} s, a usual one takes ${(usual * 1000).toFixed(0)} ms; ${lost.length} nodes lost, found after ${lost.map((event) => event.detection_seconds!.toFixed(1)).join(", ")} s`,
  );
  const stopped = events().at(-1) as DoneEvent;
  const expected = await runHere(context, "lenet5", {
    overrides: { ...RECIPE, datasetOptions: DATA, epochs: null, steps: stopped.step },
    placement: { workers: 2, evaluateEveryEpochs: 0 },
  });
  assert.equal(stopped.weights_sha256, expected.done.weights_sha256);
  assert.ok(goodput >= ASKED, `goodput ${goodput}`);
});
