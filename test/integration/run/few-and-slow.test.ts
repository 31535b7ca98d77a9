/** What --backup-shards and --min-workers do with real processes, one of which stands still and then dies. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunEvent } from "../../../src/events.js";
import { freeEndpoint } from "../../support/ports.js";
import { cli, runHere, SMALL_DATA, scratch } from "../../support/runs.js";

const RECIPE = { optimizer: "adam", batchSize: 64, shards: 4, seed: 7, lrScheduler: "constant" } as const;
const FLAGS = [
  ...["--model", "lenet5", "--dataset", "synthetic"],
  ...Object.entries(SMALL_DATA).flatMap(([name, value]) => ["--dataset-option", `${name}=${value}`]),
  ...["--optimizer", "adam", "--batch-size", "64", "--shards", "4", "--seed", "7", "--lr-scheduler", "constant"],
  ...["--epochs", "100000", "--evaluate-every-epochs", "0", "--gpus", "2", "--min-workers", "2", "--json"],
];
/** Steps after which it is known how long one takes. */
const KNOWN = 10;

test("shards of a worker that stands still are computed by an idle one; with too few workers the run waits, to the same bits", async (context) => {
  const run = await cli([
    ...["launch", "--device", "cpu", ...FLAGS, "--backup-shards"],
    ...["--run-dir", join(scratch(context), "run")],
  ]);
  context.after(() => run.child.kill("SIGKILL"));
  await run.waitFor((event) => event.event === "step" && event.step >= KNOWN);
  const worker = await run.waitFor((event) => event.event === "worker" && event.rank === 1 && event.pid !== null);
  assert.ok(worker.event === "worker");
  const signal = (name: NodeJS.Signals) => process.kill(worker.pid!, name);
  const isLost = (event: RunEvent) => event.event === "worker" && event.state === "lost" && event.rank === 1;
  const backups = () => run.events.flatMap((event) => (event.event === "backup" && event.rank === 1 ? [event] : []));
  // Where it owed nothing as it was stopped, nobody has anything to do for it: then once more.
  const before = backups().length;
  while (backups().length === before) {
    signal("SIGSTOP");
    for (let look = 0; look < 20 && backups().length === before; look++) await sleep(50);
    if (backups().length === before) signal("SIGCONT");
    await sleep(50);
  }
  const backup = backups().at(-1)!;
  assert.ok(backup.shards > 0);
  // The step goes on without it, and so does the next.
  await run.waitFor((event) => event.event === "step" && event.step > backup.step);
  signal("SIGCONT");
  assert.ok(!run.events.some(isLost));

  signal("SIGKILL");
  await run.waitFor(isLost);
  const isBack = (event: RunEvent) =>
    event.event === "worker" && event.rank === 1 && event.incarnation === 1 && event.state === "ready";
  await run.waitFor(isBack);
  const [lost, back] = [run.events.findIndex(isLost), run.events.findIndex(isBack)];
  const alone = run.events.slice(lost, back).filter(({ event }) => event === "step");
  assert.ok(alone.length <= 1, "one worker alone ends the step in flight, and begins no other");
  const { step } = run.events.findLast(({ event }) => event === "step") as Extract<RunEvent, { event: "step" }>;
  await run.waitFor((event) => event.event === "step" && event.step > step + 1);
  assert.match(run.stderr(), /1 worker of the 2 that --min-workers asks for is there: the training waits for others/);

  run.child.kill("SIGTERM");
  assert.equal((await run.ended).code, 75, run.stderr());
  const stopped = run.events.at(-1)!;
  assert.ok(stopped.event === "stopped");
  const expected = await runHere(context, "lenet5", {
    overrides: { ...RECIPE, epochs: null, steps: stopped.step },
    placement: { workers: 1, evaluateEveryEpochs: 0 },
  });
  assert.equal(stopped.weights_sha256, expected.done.weights_sha256);
});

test("a run for which too few workers come fails after --wait-workers, and says so", async (context) => {
  const run = await cli([
    ...["coordinator", "--bind", await freeEndpoint(), ...FLAGS, "--wait-workers", "1"],
    ...["--run-dir", join(scratch(context), "run")],
  ]);
  context.after(() => run.child.kill("SIGKILL"));
  assert.equal((await run.ended).code, 1);
  assert.match(run.stderr(), /0 workers of the 2 that --min-workers asks for are there, after 1 s \(--wait-workers\)/);
});
