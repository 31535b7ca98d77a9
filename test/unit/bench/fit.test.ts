import assert from "node:assert/strict";
import { test } from "node:test";
import { limitOf, mostNodes } from "../../../bench/scale/carried.js";
import { crossingOf, fitCosts, fitNodeCosts, leastSquares } from "../../../bench/scale/fit.js";
import { simulatedLayout } from "../../../bench/scale/simulated.js";
import { boundsOf } from "../../../src/prediction/nodes.js";

const near = (received: number, expected: number) =>
  assert.ok(
    Math.abs(received - expected) <= 1e-3 * Math.max(1, Math.abs(expected)),
    `${received}, expected ${expected}`,
  );

test("costs that samples were made of are found again", () => {
  const samples = [2, 8, 32, 64].flatMap((workers) =>
    [1, 4, 16].map((megabytes) => {
      const messages = workers * (simulatedLayout(megabytes).buckets.length + 2);
      const coordinatorMs = 0.5 + 0.07 * messages + 0.2 * workers * megabytes + 0.3 * megabytes;
      return { workers, megabytes, coordinatorMs, workersMs: workers * (0.4 + 0.1 * megabytes) };
    }),
  );
  const { coordinator, worker, deviation } = fitCosts(samples);
  near(coordinator.step, 0.5);
  near(coordinator.message, 0.07);
  near(coordinator.shardMegabyte, 0.2);
  near(coordinator.megabyte, 0.3);
  near(worker.step, 0.4);
  near(worker.megabyte, 0.1);
  near(deviation, 0);
});

const COSTS = {
  step: 1e-3,
  message: 2e-4,
  crossedMegabyte: 1e-3,
  megabyte: 3e-4,
  socketMessage: 2e-5,
  socketMegabyte: 4e-3,
};

test("costs of nodes are found again from what they make of steps", () => {
  const samples = [1, 4, 16].flatMap((nodes) =>
    [1, 4, 16].map((megabytes) => {
      const shape = { nodes, workers: 4, megabytes };
      const { thread, socket } = boundsOf(crossingOf(shape), COSTS, { linkBytesPerSecond: 1, slower: 1 });
      return { ...shape, threadMs: thread * 1e3, socketMs: socket * 1e3 };
    }),
  );
  const { costs, deviation } = fitNodeCosts(samples);
  for (const name of Object.keys(COSTS) as (keyof typeof COSTS)[]) near(costs[name] * 1e3, COSTS[name] * 1e3);
  near(deviation, 0);
});

test("a coordinator carries as many nodes as its slowest part does", () => {
  const given = { parameterBytes: 100e6, buckets: 25, costs: COSTS, sliced: false };
  // 100 MB take 0.8 s at 1 Gbit/s, 0.08 s at 10; one of four threads encrypts both ways in 0.4 s.
  assert.equal(mostNodes(0.7, { ...given, gigabits: 1 }), 0);
  assert.equal(limitOf(1, { ...given, gigabits: 1 }).by, "wire");
  assert.equal(mostNodes(0.5, { ...given, gigabits: 10 }), 4);
  assert.equal(limitOf(5, { ...given, gigabits: 10 }).by, "socket");
  // In a sliced exchange each machine's part stays below that of one node, twice.
  assert.equal(mostNodes(2, { ...given, gigabits: 10, sliced: true }), 1023);
});

test("no coefficient is below zero", () => {
  assert.deepEqual(
    leastSquares(
      [
        [1, 1],
        [1, 2],
        [1, 3],
      ],
      [3, 2, 1],
    ).map((value) => value >= 0),
    [true, true],
  );
});

test("a simulated network has the megabytes that were asked for, in buckets of about 4 MB", () => {
  for (const megabytes of [1, 4, 16, 38.3]) near((simulatedLayout(megabytes).parameters * 4) / 1e6, megabytes);
  assert.equal(simulatedLayout(16).buckets.length, 3);
});
