import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeEvent, RunEvent, WorkerEvent } from "../../../src/events.js";
import { BUCKET_BYTES } from "../../../src/parameters/layout.js";
import { settle } from "../../support/fake-clock.js";
import { fakeNode } from "../../support/fake-node.js";
import { bitsOf, fakeRun } from "../../support/fake-run.js";
import { DATASET, FINGERPRINT, testLayout } from "../../support/fake-worker.js";

const RECIPE = { datasetSha256: DATASET, ema: 0.9 };
/** As a node makes it from the parameters. */
const layout = testLayout(BUCKET_BYTES);
const NODES = { count: 1, patienceMs: 2000 };
/** Of whatever has two nodes, or one, beside a worker of its own. */
const expected = async () => {
  const run = fakeRun({ recipe: RECIPE, layout });
  run.worker();
  return bitsOf((await run.coordinator.run()).snapshot);
};
const run = () => fakeRun({ recipe: RECIPE, layout, nodes: NODES });
const ownWorker = (of: ReturnType<typeof fakeRun>, incarnation = 0) => {
  of.coordinator.expectWorker({ token: "own", rank: 0, incarnation });
  return of.worker({ token: "own" });
};
const nodesOf = (events: readonly RunEvent[]): NodeEvent[] =>
  events.flatMap((event) => (event.event === "node" ? [event] : []));
const lost = (events: readonly RunEvent[]): WorkerEvent[] =>
  events.flatMap((event) => (event.event === "worker" && event.state === "lost" ? [event] : []));

test("a node with two workers beside one of the run's own: the same bits, and one sum a bucket from it", async () => {
  const shared = run();
  ownWorker(shared);
  const node = fakeNode(shared);
  const { snapshot } = await shared.coordinator.run();
  assert.equal(bitsOf(snapshot), await expected());
  assert.deepEqual(await node.outcome, { kind: "done", detail: "the training is done" });
  const steps = shared.events.flatMap((event) => (event.event === "step" ? [event] : []));
  assert.ok(steps.every(({ ranks }) => Object.keys(ranks).join() === "0,1,2"));
  const [first] = steps;
  // Four shards, three workers: two of the node's, which are no range, or two neighbours, which are one.
  assert.deepEqual(
    Object.values(first!.ranks).map(({ shards }) => shards),
    [2, 1, 1],
  );
  const gradient = 4 * (5 + 7 + 3);
  assert.deepEqual(first!.node_bytes, { 1: { in: gradient + 4 * 4, out: 2 * (gradient + 4 * 4) } });
  assert.deepEqual(
    [...new Set(nodesOf(shared.events).map(({ state }) => state))],
    ["joining", "ready", "working", "stopped"],
  );
  const workers = shared.events.filter((event) => event.event === "worker" && event.node === 1);
  assert.deepEqual([...new Set(workers.map((event) => event.event === "worker" && event.rank))], [1, 2]);
});

test("bytes of a node do not depend on its workers", async () => {
  const bytes = await Promise.all(
    [1, 2].map(async (workers) => {
      const shared = run();
      shared.possible.workers = 0;
      fakeNode(shared, { workers });
      const outcome = shared.coordinator.run();
      await settle();
      // No worker of its own ever comes: it begins when it has waited for long enough.
      await shared.clock.advance(NODES.patienceMs + 500);
      assert.equal(bitsOf((await outcome).snapshot), await expected());
      return shared.events.flatMap((event) => (event.event === "step" ? [event.node_bytes] : []));
    }),
  );
  assert.deepEqual(bytes[0], bytes[1]);
});

test("a worker that dies in a node costs the node nothing: its shards go to the node's others", async () => {
  const shared = run();
  ownWorker(shared);
  let deaths = 0;
  const node = fakeNode(shared, {
    options: ({ rank, incarnation }) => ({
      beforeSend: (message) => {
        // Its loss is told by then, and its gradient lies in the node's memory.
        if (rank !== 2 || incarnation > 0 || message.type !== "bucket" || message.step < 2) return true;
        if (deaths++ === 0) setImmediate(() => node.restart({ rank, incarnation }));
        return false;
      },
    }),
  });
  const { snapshot } = await shared.coordinator.run();
  assert.equal(bitsOf(snapshot), await expected());
  assert.equal(deaths, 1);
  const [death] = lost(shared.events);
  assert.deepEqual([death?.rank, death?.node, death?.reason, death?.reassigned], [2, 1, "exit", 1]);
  assert.ok(nodesOf(shared.events).every(({ state }) => state !== "lost"));
});

test("a node that falls silent is lost with its workers; its shards are computed by the others, and it may come again", async () => {
  const shared = run();
  const own = ownWorker(shared);
  const node = fakeNode(shared, {
    options: () => ({ beforeSend: (message) => !(message.type === "bucket" && message.step === 3) }),
  });
  const outcome = shared.coordinator.run();
  await settle();
  node.up.silence();
  for (let second = 0; second < 12; second++) {
    own.say({ type: "heartbeat", phase: "waiting", tensors: 0, tensorBytes: 0, rssBytes: 0 });
    await shared.clock.advance(1000);
  }
  assert.equal(bitsOf((await outcome).snapshot), await expected());
  node.leave();
  await node.outcome;
  const gone = nodesOf(shared.events).find(({ state }) => state === "lost");
  assert.deepEqual([gone?.reason, gone?.reassigned, gone?.workers], ["silence", 2, 2]);
  assert.deepEqual(
    lost(shared.events).map(({ rank, reason }) => [rank, reason]),
    [
      [1, "node"],
      [2, "node"],
    ],
  );
});

test("a second process that comes as the same node ends the first, and goes on at its ranks", async () => {
  const shared = run();
  ownWorker(shared);
  const former = fakeNode(shared, {
    options: () => ({ beforeSend: (message) => !(message.type === "bucket" && message.step === 2) }),
  });
  const outcome = shared.coordinator.run();
  await settle();
  const next = fakeNode(shared);
  assert.equal(bitsOf((await outcome).snapshot), await expected());
  assert.equal((await former.outcome).kind, "evicted");
  assert.equal((await next.outcome).kind, "done");
  const [, again] = nodesOf(shared.events).filter(({ state }) => state === "joining");
  assert.equal(again?.incarnation, 1);
  const gone = nodesOf(shared.events).find(({ state }) => state === "lost");
  assert.match(gone?.detail ?? "", /another process came as node 1/);
});

test("a node that is asked to leave says so, and the others go on in the same step", async () => {
  const shared = run();
  ownWorker(shared);
  const node = fakeNode(shared, {
    options: () => ({ beforeSend: (message) => !(message.type === "loss" && message.step === 2) }),
  });
  const outcome = shared.coordinator.run();
  await settle();
  node.leave();
  assert.equal((await node.outcome).kind, "left");
  assert.equal(bitsOf((await outcome).snapshot), await expected());
  assert.equal(nodesOf(shared.events).find(({ state }) => state === "lost")?.detail, "it left");
});

test("a node whose workers compute something else is refused, and the run begins without it", async () => {
  const shared = run();
  ownWorker(shared);
  const outcome = shared.coordinator.run();
  await settle();
  const node = fakeNode(shared, { options: () => ({ fingerprint: { ...FINGERPRINT, tensorflow: "another" } }) });
  const { kind, detail } = await node.outcome;
  assert.equal(kind, "refused");
  assert.match(detail, /tensorflow: 2 here, another there/i);
  await shared.clock.advance(NODES.patienceMs + 500);
  assert.equal(bitsOf((await outcome).snapshot), await expected());
});

test("a node that has ended waits for nobody: a coordinator that closes as well sets no timer that keeps its process", async (context) => {
  const shared = run();
  ownWorker(shared);
  let told: ((connected: boolean) => void) | undefined;
  const { network } = shared;
  const connect = network.connect.bind(network);
  context.mock.method(network, "connect", () =>
    Object.assign(connect(), {
      onConnection(listener: (connected: boolean) => void) {
        told = listener;
      },
    }),
  );
  const node = fakeNode(shared);
  await shared.coordinator.run();
  assert.equal((await node.outcome).kind, "done");
  const timers = context.mock.method(shared.clock, "after");
  told!(false);
  assert.equal(timers.mock.callCount(), 0);
});
