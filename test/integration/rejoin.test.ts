import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { freeEndpoint } from "../support/ports.js";
import { cli, runHere, SMALL_DATA, scratch } from "../support/runs.js";

/** Steps of a third of a second, so that a frozen worker misses some and the reference has not too many to compute. */
const RECIPE = { optimizer: "adam", batchSize: 32, shards: 4, seed: 7, lrScheduler: "constant" } as const;
const FLAGS = [
  ...["--model", "vgg11", "--dataset", "synthetic"],
  ...Object.entries(SMALL_DATA).flatMap(([name, value]) => ["--dataset-option", `${name}=${value}`]),
  ...["--optimizer", "adam", "--batch-size", "32", "--shards", "4", "--seed", "7", "--lr-scheduler", "constant"],
  ...["--epochs", "100000", "--evaluate-every-epochs", "0"],
];

test("workers over TCP: one that froze is replaced in its work, and woken comes back as a new incarnation", async (context) => {
  const endpoint = await freeEndpoint();
  const runDir = join(scratch(context), "run");
  const coordinator = await cli([
    ...["coordinator", "--bind", endpoint, ...FLAGS],
    ...["--gpus", "2", "--heartbeat-timeout", "3", "--run-dir", runDir, "--json"],
  ]);
  const workers = await Promise.all([1, 2].map(() => cli(["worker", "--connect", endpoint, "--device", "cpu"])));
  context.after(() => [coordinator, ...workers].forEach(({ child }) => child.kill("SIGKILL")));

  await coordinator.waitFor((event) => event.event === "step" && event.step >= 3);
  const ready = await coordinator.waitFor(
    (event) => event.event === "worker" && event.pid !== null && event.rank === 1,
  );
  assert.ok(ready.event === "worker" && ready.pid !== null);
  process.kill(ready.pid, "SIGSTOP");
  const lost = await coordinator.waitFor((event) => event.event === "worker" && event.state === "lost");
  process.kill(ready.pid, "SIGCONT");
  assert.ok(lost.event === "worker" && lost.reason === "silence" && lost.rank === 1);
  const back = await coordinator.waitFor(
    (event) => event.event === "worker" && event.state === "working" && event.incarnation === 1,
  );
  assert.ok(back.event === "worker" && back.rank === lost.rank && back.pid !== lost.pid);

  // Of a process that is gone the kernel closes the connection, which says so long before silence does.
  const one = await coordinator.waitFor((event) => event.event === "worker" && event.pid !== null && event.rank === 0);
  assert.ok(one.event === "worker" && one.pid !== null);
  process.kill(one.pid, "SIGKILL");
  const gone = await coordinator.waitFor(
    (event) => event.event === "worker" && event.state === "lost" && event.rank === 0,
  );
  assert.ok(gone.event === "worker" && gone.reason === "exit" && typeof gone.step === "number" && gone.phase);
  assert.match(gone.detail!, /its connection is gone/);

  coordinator.child.kill("SIGTERM");
  assert.equal((await coordinator.ended).code, 75, coordinator.stderr());
  const stopped = coordinator.events.at(-1)!;
  assert.ok(stopped.event === "stopped");
  const codes = await Promise.all(workers.map(async (worker) => (await worker.ended).code));
  assert.deepEqual(codes.toSorted(), [0, 1], "the one that was killed is not started again: its user started it");

  const expected = await runHere(context, "vgg11", {
    overrides: { ...RECIPE, epochs: null, steps: stopped.step },
    placement: { workers: 2, evaluateEveryEpochs: 0 },
  });
  assert.equal(stopped.weights_sha256, expected.done.weights_sha256);
});
