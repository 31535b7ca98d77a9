import assert from "node:assert/strict";
import { test } from "node:test";
import { fitCosts, leastSquares } from "../../../bench/scale/fit.js";
import { simulatedLayout } from "../../../bench/scale/simulated.js";

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
      return { workers, megabytes, stepMs: 0, coordinatorMs, workersMs: workers * (0.4 + 0.1 * megabytes) };
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
