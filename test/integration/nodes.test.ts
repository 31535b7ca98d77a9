/** One run over several machines, here processes of one: the bits of a run on one machine, whatever happens to nodes and workers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { NodeEvent, RunEvent, StepEvent, WorkerEvent } from "../../src/events.js";
import { freePort } from "../support/ports.js";
import { type CliRun, cli, runHere, SMALL_DATA, scratch } from "../support/runs.js";

/** Steps of some hundredths of a second: while processes start again there are not many that the reference has to compute. */
const DATA = { ...SMALL_DATA, train: 1024 };
const RECIPE = { optimizer: "adam", batchSize: 256, shards: 4, seed: 7, lrScheduler: "constant" } as const;
const FLAGS = [
  ...["--model", "lenet5", "--dataset", "synthetic", "--device", "cpu"],
  ...Object.entries(DATA).flatMap(([name, value]) => ["--dataset-option", `${name}=${value}`]),
  ...["--optimizer", "adam", "--batch-size", "256", "--shards", "4", "--seed", "7", "--lr-scheduler", "constant"],
  ...["--epochs", "100000", "--evaluate-every-epochs", "0", "--json"],
];

const step = (run: CliRun, beyond: (step: number) => boolean) =>
  run.waitFor((event) => event.event === "step" && beyond(event.step)) as Promise<StepEvent>;
const last = (run: CliRun) => run.events.findLast(({ event }) => event === "step") as StepEvent;
const ofWorker = (fits: (event: WorkerEvent) => boolean) => (event: RunEvent) =>
  event.event === "worker" && fits(event);
const ofNode = (fits: (event: NodeEvent) => boolean) => (event: RunEvent) => event.event === "node" && fits(event);

test("two nodes of two workers: a worker killed in a node, a node killed and started again, and the bits of one machine", async (context) => {
  const port = await freePort();
  const runDir = join(scratch(context), "run");
  const launch = async (rank: number) => {
    const run = await cli([
      ...["launch", ...FLAGS, "--gpus", "2", "--run-dir", runDir],
      ...["--nodes", "2", "--node-rank", `${rank}`, "--rendezvous", `127.0.0.1:${port}`],
    ]);
    context.after(() => run.child.kill("SIGKILL"));
    return run;
  };
  const first = await launch(1); // before there is a coordinator, or a key
  const run = await launch(0);

  const both = await step(run, (number) => number >= 2);
  assert.deepEqual(Object.keys(both.ranks), ["0", "1", "2", "3"], "all four workers compute");
  const parameters = run.events.find(({ event }) => event === "plan");
  assert.ok(parameters?.event === "plan" && parameters.nodes?.count === 2 && parameters.workers === 4);
  // Its two shards are one range: one gradient comes, and the weights go, for two workers.
  const bytes = parameters.parameters! * 4;
  const { 1: node } = both.node_bytes!;
  assert.deepEqual(node, { in: bytes, out: bytes });

  const worker = await run.waitFor(
    ofWorker(({ rank, pid, state }) => rank === 3 && state === "working" && pid !== null),
  );
  assert.ok(worker.event === "worker" && worker.node === 1);
  process.kill(worker.pid!, "SIGKILL");
  const died = await run.waitFor(ofWorker(({ rank, state }) => rank === 3 && state === "lost"));
  assert.ok(died.event === "worker" && died.node === 1 && died.reason === "exit");
  await run.waitFor(ofWorker(({ rank, state, incarnation }) => rank === 3 && state === "working" && incarnation === 1));
  assert.ok(!run.events.some(ofNode(({ state }) => state === "lost")), "a worker's death is not its node's");

  first.child.kill("SIGKILL");
  const gone = await run.waitFor(ofNode(({ node, state }) => node === 1 && state === "lost"));
  assert.ok(gone.event === "node" && gone.reason === "exit" && gone.incarnation === 0 && gone.workers === 2);
  for (const rank of [2, 3])
    await run.waitFor(ofWorker((event) => event.rank === rank && event.state === "lost" && event.reason === "node"));
  const then = last(run).step;
  await step(run, (number) => number > then + 2); // without it

  const second = await launch(1);
  const back = await run.waitFor(
    ofWorker(({ rank, state, incarnation }) => rank === 3 && state === "working" && incarnation === 2),
  );
  assert.ok(back.event === "worker" && back.node === 1);

  run.child.kill("SIGTERM");
  assert.equal((await run.ended).code, 75, run.stderr());
  assert.equal((await second.ended).code, 75, second.stderr());
  const stopped = run.events.at(-1)!;
  assert.ok(stopped.event === "stopped" && stopped.step > 5);
  const expected = await runHere(context, "lenet5", {
    overrides: { ...RECIPE, datasetOptions: DATA, epochs: null, steps: stopped.step },
    placement: { workers: 2, evaluateEveryEpochs: 0 },
  });
  assert.equal(stopped.weights_sha256, expected.done.weights_sha256);
});
