/** The first 30 losses of LeNet-5 on the carried subset's recipe: a change here is a change of the mathematics. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunEvent } from "../../src/events.js";
import { ROOT, readFixture } from "../support/fixtures.js";
import { runHere } from "../support/runs.js";

test("lenet5's loss curve on the carried subset", async (context) => {
  const golden = readFixture<{ losses: number[]; accuracy: number }>("golden-lenet5.json");
  const { events, done } = await runHere(context, "lenet5", {
    overrides: {
      dataset: "fashion-mnist",
      datasetOptions: {},
      epochs: null,
      steps: 30,
      lrScheduler: "constant",
      seed: 1,
    },
    placement: { workers: 2, dataDir: `${ROOT}/data/fashion-mnist-subset` },
  });
  const losses = events.flatMap((event: RunEvent) => (event.event === "step" ? [event.loss] : []));
  assert.equal(losses.length, golden.losses.length);
  // Other processors add in another order; over thirty steps that stays far below this.
  for (const [index, expected] of golden.losses.entries())
    assert.ok(
      Math.abs(losses[index]! - expected) < 2e-3 * expected,
      `step ${index + 1}: ${losses[index]} against ${expected}`,
    );
  assert.ok(Math.abs(done.accuracy! - golden.accuracy) < 0.02);
});
