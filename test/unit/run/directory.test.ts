import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { UsageError } from "../../../src/errors.js";
import { RunDirectory, readRecipe } from "../../../src/run/directory.js";
import { testRecipe } from "../../support/recipe.js";
import { temporaryDirectory } from "../../support/temporary.js";

const RECIPE = testRecipe();

test("a new folder holds the recipe and a lock while the run lasts; a second run is sent to resume", (context) => {
  const dir = join(temporaryDirectory(context), "it's a run");
  const run = RunDirectory.create(dir, RECIPE);
  assert.deepEqual(readRecipe(dir), RECIPE);
  assert.ok(existsSync(join(dir, "lock")));
  run.close();
  assert.ok(!existsSync(join(dir, "lock")));
  assert.throws(
    () => RunDirectory.create(dir, RECIPE),
    (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /holds a run already\. Resume it with 'cnn-dist resume '.*it'\\''s a run''/);
      return true;
    },
  );
  assert.ok(!existsSync(join(dir, "lock")));
  RunDirectory.open(dir).close();
});

test("runs that begin in the same second have folders of their own", (context) => {
  const before = process.cwd();
  process.chdir(temporaryDirectory(context));
  context.after(() => process.chdir(before));
  const runs = [1, 2, 3].map(() => RunDirectory.create(null, RECIPE));
  assert.equal(new Set(runs.map(({ path }) => path)).size, 3);
  for (const { path } of runs) assert.match(basename(path), /^lenet5-synthetic-\d{8}-\d{6}(-\d)?$/);
  for (const run of runs) run.close();
});

test("records and logs that a full disk swallows are told once", (context) => {
  const dir = join(temporaryDirectory(context), "run");
  mkdirSync(join(dir, "logs"), { recursive: true });
  for (const name of ["metrics.jsonl", "replay.jsonl", "logs/coordinator.log", "logs/rank-0.log"])
    symlinkSync("/dev/full", join(dir, name));
  const run = RunDirectory.create(dir, RECIPE);
  const told: string[] = [];
  run.onTrouble((message) => {
    told.push(message);
    run.log(message); // what is told is logged, on the same disk
  });
  run.record({ event: "log" });
  run.recordReplay({});
  assert.notEqual(run.openWorkerLog(0, "---"), undefined);
  run.close();
  assert.equal(told.length, 1);
  assert.match(told[0]!, /metrics\.jsonl cannot be written \(ENOSPC.*\)\. The training goes on/);
  assert.equal(readFileSync(join(dir, "recipe.json"), "utf8").length > 0, true);
});
