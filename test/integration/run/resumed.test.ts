/** Runs that go on: at another length, and before there is a checkpoint. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { PLACEMENT_DEFAULTS } from "../../../src/config/placement.js";
import { resolveRecipe } from "../../../src/config/resolve.js";
import { RunDirectory, readRecipe } from "../../../src/run/directory.js";
import { verifyRun } from "../../../src/run/verify.js";
import { cli, runHere, SMALL_DATA, scratch } from "../../support/runs.js";

const PLACEMENT = { ...PLACEMENT_DEFAULTS, device: "cpu", workers: 1 } as const;

test("a run that was resumed to another length is replayed at the lengths that were in force", async (context) => {
  const runDir = join(scratch(context), "run");
  const begin = { placement: { runDir, workers: 1 } };
  // With a cosine, every rate depends on the length.
  const overrides = { epochs: null, lrScheduler: "cosine" } as const;
  await runHere(context, "lenet5", { overrides: { ...overrides, steps: 20 }, ...begin, stopAfterStep: 2 });
  await runHere(context, "lenet5", {
    overrides: { ...overrides, steps: 6 },
    ...begin,
    resume: { runDir },
    stopAfterStep: 4,
  });
  const last = await runHere(context, "lenet5", {
    overrides: { ...overrides, steps: 5 },
    ...begin,
    resume: { runDir },
  });
  assert.equal(last.done.step, 5);
  const replayed = await verifyRun({ runDir, recipe: readRecipe(runDir), placement: PLACEMENT });
  assert.equal(replayed.difference, null);
  assert.deepEqual(replayed, {
    identical: true,
    steps: 5,
    recipe_sha256: last.done.recipe_sha256,
    weights_sha256: last.done.weights_sha256,
    difference: null,
    engine: [],
  });
});

test("a run that has no checkpoint yet is begun again, to the bits of one that was never stopped", async (context) => {
  const runDir = join(scratch(context), "run");
  const overrides = { dataset: "synthetic", datasetOptions: SMALL_DATA, epochs: null, steps: 2 } as const;
  RunDirectory.create(runDir, resolveRecipe({ model: "lenet5", overrides, workers: 1 })).close();
  const begun = await cli(["resume", runDir, "--gpus", "1", "--device", "cpu", "--json"]);
  assert.equal((await begun.ended).code, 0, begun.stderr());
  const whole = await runHere(context, "lenet5", { overrides, placement: { workers: 1 } });
  const done = begun.events.at(-1)!;
  assert.ok(done.event === "done");
  assert.equal(done.weights_sha256, whole.done.weights_sha256);
  assert.ok(!existsSync(join(runDir, "lock")));
  assert.match(readFileSync(join(runDir, "metrics.jsonl"), "utf8"), /"resumed_from":null,"start_step":0/);
});
