import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { DoneEvent, RunEvent } from "../../../src/events.js";
import { cli, runHere, scratch } from "../../support/runs.js";

/** Rates that do not depend on the length: with cosine, the longer run would be another one. */
const CONSTANT = { lrScheduler: "constant" } as const;
const lastOf = (events: readonly RunEvent[]) => events.at(-1) as DoneEvent;

test("a run made longer keeps its new length when it is stopped and resumed, and is as good as one begun so long", async (context) => {
  const runDir = join(scratch(context), "run");
  const begin = { placement: { runDir, workers: 1 } };
  const short = await runHere(context, "lenet5", { overrides: { epochs: 1, ...CONSTANT }, ...begin });
  const longer = await runHere(context, "lenet5", {
    overrides: { epochs: 3, ...CONSTANT },
    ...begin,
    resume: { runDir },
    stopAfterStep: 5,
  });
  assert.equal(longer.done.event, "stopped");
  assert.notEqual(longer.done.recipe_sha256, short.done.recipe_sha256);
  const resumed = await cli(["resume", runDir, "--gpus", "1", "--device", "cpu", "--json"]);
  assert.equal((await resumed.ended).code, 0, resumed.stderr());
  const whole = await runHere(context, "lenet5", {
    overrides: { epochs: 3, ...CONSTANT },
    placement: { workers: 1 },
  });
  const done = lastOf(resumed.events);
  assert.equal(done.step, whole.done.step);
  assert.equal(done.weights_sha256, whole.done.weights_sha256);
  assert.equal(done.recipe_sha256, whole.done.recipe_sha256);
  const plan = resumed.events.find((event) => event.event === "plan")!;
  assert.equal(plan.recipe_sha256, whole.done.recipe_sha256);
});

test("a checkpoint of another run is refused before a worker starts", async (context) => {
  const dirs = [join(scratch(context), "one"), join(scratch(context), "other")] as const;
  for (const [seed, runDir] of dirs.entries())
    await runHere(context, "lenet5", {
      overrides: { epochs: 1, seed },
      placement: { runDir, workers: 1 },
      stopAfterStep: 1 + seed,
    });
  cpSync(join(dirs[1], "checkpoints"), join(dirs[0], "checkpoints"), { recursive: true });
  const run = await cli(["resume", dirs[0], "--device", "cpu", "--json"]);
  assert.equal((await run.ended).code, 2);
  assert.match(run.stderr(), /step 2 is not one of this run: its seed is 1, the recipe's 0/);
  assert.equal(run.stdout(), "");
});
