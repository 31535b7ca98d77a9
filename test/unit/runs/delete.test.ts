import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { RunLock } from "../../../src/lock/lock.js";
import { deletable, deleteRun } from "../../../src/runs/delete.js";
import { recordRun } from "../../support/recorded-runs.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("what runs write goes, and the folder with it; what links lead to stays", (context) => {
  const dir = temporaryDirectory(context);
  const run = join(dir, "run");
  recordRun(run);
  mkdirSync(join(run, "checkpoints", "step-00000004"));
  writeFileSync(join(run, "checkpoints", "step-00000004", "weights.safetensors"), "x".repeat(5000));
  mkdirSync(join(dir, "elsewhere"));
  writeFileSync(join(dir, "elsewhere", "kept"), "");
  symlinkSync(join(dir, "elsewhere"), join(run, "logs", "link"));
  const { checkpoints, sizeBytes, foreign } = deletable(run);
  assert.deepEqual([checkpoints, foreign], [1, []]);
  assert.ok(sizeBytes > 5000);
  assert.deepEqual(deleteRun(run), []);
  assert.deepEqual(readdirSync(dir), ["elsewhere"]);
  assert.deepEqual(readdirSync(join(dir, "elsewhere")), ["kept"]);
});

test("what no run wrote stays, and is named", (context) => {
  const run = join(temporaryDirectory(context), "run");
  recordRun(run);
  writeFileSync(join(run, "notes.txt"), "");
  assert.deepEqual(deletable(run).foreign, ["notes.txt"]);
  assert.deepEqual(deleteRun(run), ["notes.txt"]);
  assert.deepEqual(readdirSync(run), ["notes.txt"]);
});

test("a run in use is refused, and stays whole", (context) => {
  const run = join(temporaryDirectory(context), "run");
  recordRun(run);
  const lock = RunLock.take(join(run, "lock"));
  context.after(() => lock.release());
  const before = readdirSync(run).sort();
  assert.throws(() => deleteRun(run), { code: "run-dir-in-use" });
  assert.deepEqual(readdirSync(run).sort(), before);
  lock.release();
  assert.deepEqual(deleteRun(run), []);
});

test("what is not the folder of a run is refused", (context) => {
  const dir = temporaryDirectory(context);
  recordRun(join(dir, "run"));
  writeFileSync(join(dir, "file"), "");
  symlinkSync("run", join(dir, "link"));
  for (const [name, why] of [
    ["gone", /does not exist/],
    ["file", /not a folder/],
    ["link", /it is a link to .*run, and that may be meant or not/],
    ["", /has no recipe\.json/],
  ] as const)
    assert.throws(() => deleteRun(join(dir, name)), why);
  assert.ok(existsSync(join(dir, "run", "recipe.json")));
});
