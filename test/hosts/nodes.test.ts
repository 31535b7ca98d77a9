/**
 * Four machines, each in namespaces of its own, on links of 100 Mbit/s with 20 ms each way: cut, killed, started again and added
 * while they train. Nothing is lost, and the bits are those of one machine.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import type { DoneEvent, NodeEvent, RunEvent } from "../../src/events.js";
import { BIN, type Started } from "../support/cli.js";
import { type Machine, machines } from "../support/machines.js";
import { runHere, SMALL_DATA, scratch } from "../support/runs.js";
import { tensorflowDir } from "../support/tensorflow.js";
import { until } from "../support/until.js";

const PORT = 5555;
const DELAY_MS = 20;
const DATA = { ...SMALL_DATA, train: 1024 };
const RECIPE = { optimizer: "adam", batchSize: 256, shards: 8, seed: 7, lrScheduler: "constant" } as const;
const FLAGS = [
  ...["--model", "lenet5", "--dataset", "synthetic", "--device", "cpu", "--gpus", "2"],
  ...Object.entries(DATA).flatMap(([name, value]) => ["--dataset-option", `${name}=${value}`]),
  ...["--optimizer", "adam", "--batch-size", "256", "--shards", "8", "--seed", "7", "--lr-scheduler", "constant"],
  ...["--epochs", "100000", "--evaluate-every-epochs", "0", "--json"],
];
const RELAY = join(import.meta.dirname, "..", "support", "slow-relay.js");

const eventsOf = ({ output }: Started): RunEvent[] =>
  output.stdout
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as RunEvent);
const ofNode = (run: Started, fits: (event: NodeEvent) => boolean) =>
  eventsOf(run).find((event): event is NodeEvent => event.event === "node" && fits(event));
const ranksOf = (run: Started) => {
  const step = eventsOf(run).findLast((event) => event.event === "step");
  return step?.event === "step" ? Object.keys(step.ranks).length : 0;
};

test("four machines on slow links: cut for 3 s and for 30 s, killed, started again, added", async (context) => {
  const [first, ...others] = (await machines(context, ["n0", "n1", "n2", "n3"])) as [
    Machine,
    Machine,
    Machine,
    Machine,
  ];
  const runDir = join(scratch(context), "run");
  const env = { CNN_DIST_TENSORFLOW: await tensorflowDir(), NO_COLOR: "1", XDG_STATE_HOME: scratch(context) };
  const launch = (machine: Machine, rank: number, nodes: number, meeting: string) => {
    const where = ["--nodes", `${nodes}`, "--node-rank", `${rank}`, "--rendezvous", meeting, "--run-dir", runDir];
    return machine.start([process.execPath, BIN, "launch", ...FLAGS, ...where], { env });
  };
  const join_ = async (machine: Machine, rank: number, nodes = 3) => {
    await machine.run(["tc", ..."qdisc add dev eth0 root tbf rate 100mbit burst 64kb latency 400ms".split(" ")]);
    machine.start([process.execPath, RELAY, `${PORT + 1}`, `${first.address}:${PORT}`, `${DELAY_MS}`]);
    return launch(machine, rank, nodes, `127.0.0.1:${PORT + 1}`);
  };
  const link = (machine: Machine, state: "up" | "down") => machine.run(["ip", "link", "set", "eth0", state]);

  const run = launch(first, 0, 3, `${first.address}:${PORT}`);
  await join_(others[0]!, 1);
  await join_(others[1]!, 2);
  await until(() => ranksOf(run) === 6);

  await link(others[0]!, "down");
  await pause(3000);
  await link(others[0]!, "up");
  await join_(others[2]!, 3, 4); // one more than the run began with
  await until(() => ranksOf(run) === 8);
  assert.equal(
    ofNode(run, ({ node, state }) => node === 1 && state === "lost"),
    undefined,
    "3 s are no loss",
  );

  await link(others[1]!, "down");
  await pause(30_000);
  const cut = ofNode(run, ({ node, state }) => node === 2 && state === "lost");
  assert.equal(cut?.reason, "silence");
  await link(others[1]!, "up");
  await until(
    () =>
      ofNode(run, ({ node, state, incarnation }) => node === 2 && state === "working" && incarnation > 0) !== undefined,
  );

  await others[2]!.powerOff();
  await until(() => ofNode(run, ({ node, state }) => node === 3 && state === "lost") !== undefined);
  const killed = ofNode(run, ({ node, state }) => node === 3 && state === "lost");
  await others[2]!.powerOn();
  await join_(others[2]!, 3, 4);
  await until(
    () =>
      ofNode(run, ({ node, state, incarnation }) => node === 3 && state === "working" && incarnation > 0) !== undefined,
  );
  await until(() => ranksOf(run) === 8);

  first.signal(run, "SIGTERM");
  assert.equal((await run.ended).code, 75, run.output.stderr);
  const stopped = eventsOf(run).at(-1) as DoneEvent;
  const steps = eventsOf(run).flatMap((event) => (event.event === "step" ? [event.step] : []));
  assert.deepEqual(
    steps,
    Array.from({ length: stopped.step }, (_, index) => index + 1),
    "each step once, in order",
  );
  const expected = await runHere(context, "lenet5", {
    overrides: { ...RECIPE, datasetOptions: DATA, epochs: null, steps: stopped.step },
    placement: { workers: 2, evaluateEveryEpochs: 0 },
  });
  assert.equal(stopped.weights_sha256, expected.done.weights_sha256);
  for (const [what, lost] of [
    ["link cut for 30 s", cut],
    ["machine without power", killed],
  ] as const)
    context.diagnostic(
      `${what}: found after ${lost!.detection_seconds!.toFixed(1)} s (${lost!.reason}), ${lost!.reassigned} shards computed by others`,
    );
});
