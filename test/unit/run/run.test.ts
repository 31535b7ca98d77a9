import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { PLACEMENT_DEFAULTS } from "../../../src/config/placement.js";
import { startRun } from "../../../src/run/run.js";
import { testRecipe } from "../../support/recipe.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("a run that is over, or could not start, leaves nothing at its caller's signal", async (context) => {
  const { signal } = new AbortController();
  const runDir = join(temporaryDirectory(context), "run");
  const placement = { ...PLACEMENT_DEFAULTS, device: "cpu" as const, metrics: false, runDir };
  for (const [expected, options] of [
    ["planned", { dryRun: true }],
    ["run-dir", { resume: { runDir } }],
  ] as const) {
    const run = startRun({ recipe: testRecipe(), placement, signal, ...options });
    assert.equal(getEventListeners(signal, "abort").length, 1);
    const ended = await run.result.then(
      () => "planned",
      ({ code }) => code,
    );
    assert.equal(ended, expected);
    assert.deepEqual(getEventListeners(signal, "abort"), []);
  }
});
