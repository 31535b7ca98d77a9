import assert from "node:assert/strict";
import { closeSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "node:test";
import { UsageError } from "../../../src/errors.js";
import { headerOf, RunDirectory, readRecipe } from "../../../src/run/directory.js";
import { filesOf } from "../../support/files.js";
import { testRecipe } from "../../support/recipe.js";
import { temporaryDirectory } from "../../support/temporary.js";

const RECIPE = testRecipe();

test("a new folder holds the recipe and a lock while the run lasts; a second run is sent to resume", (context) => {
  const dir = join(temporaryDirectory(context), "it's a run");
  const run = RunDirectory.create(dir, RECIPE);
  assert.deepEqual(readRecipe(dir), RECIPE);
  assert.ok(existsSync(join(dir, "lock")));
  run.recordReplay({ step: 1 });
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

test("a run that failed before its first step may be begun anew in its folder, with its logs kept", (context) => {
  const dir = join(temporaryDirectory(context), "run");
  const failed = RunDirectory.create(dir, RECIPE);
  failed.log("error: a typo");
  failed.record({ event: "plan", number: 1 });
  assert.throws(() => RunDirectory.create(dir, RECIPE), { code: "run-dir-in-use" });
  failed.close();
  const mended = testRecipe({ seed: 8 });
  const run = RunDirectory.create(dir, mended);
  assert.deepEqual(readRecipe(dir), mended);
  run.log("begun");
  run.record({ event: "plan", number: 2 });
  run.close();
  assert.match(readFileSync(join(dir, "logs", "coordinator.log"), "utf8"), /error: a typo\n.* begun\n/);
  assert.match(readFileSync(join(dir, "metrics.jsonl"), "utf8"), /"number":1\}\n.*"number":2\}\n/);
});

test("a folder with any step or checkpoint is nobody's to begin anew, and its recipe stays", (context) => {
  const traces: ((dir: string) => void)[] = [
    (dir) => writeFileSync(join(dir, "replay.jsonl"), "{"),
    (dir) => mkdirSync(join(dir, "checkpoints", "step-00000004")),
    (dir) => mkdirSync(join(dir, "checkpoints", "step-00000004.a1.tmp")),
  ];
  for (const leave of traces) {
    const dir = join(temporaryDirectory(context), "run");
    RunDirectory.create(dir, RECIPE).close();
    leave(dir);
    const before = filesOf(dir);
    assert.throws(() => RunDirectory.create(dir, testRecipe({ seed: 8 })), { code: "run-dir", exitCode: 2 });
    assert.deepEqual(filesOf(dir), before);
  }
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

test("the tail of a log is what a worker's newest incarnation wrote, apart from the header that begins it", (context) => {
  const run = RunDirectory.create(join(temporaryDirectory(context), "run"), RECIPE);
  assert.deepEqual(run.logTail(3), { header: "", lines: [] });
  const write = (incarnation: number, text: string) => {
    const header = headerOf(`rank 3, incarnation ${incarnation}, cpu:0`);
    const log = run.openWorkerLog(3, header)!;
    writeFileSync(log, text);
    closeSync(log);
    return header;
  };
  write(0, "an earlier one\n");
  const second = write(1, "");
  assert.deepEqual(run.logTail(3), { header: second, lines: [] });
  const third = write(2, `${"x\n".repeat(20)}--- its own rule\nit died in the midd`);
  const lines = [...Array<string>(10).fill("x"), "--- its own rule", "it died in the midd"];
  assert.deepEqual(run.logTail(3), { header: third, lines });
  run.close();
});

/** What a run may do with its folder until its end. */
const WRITES: readonly ((run: RunDirectory) => unknown)[] = [
  (run) => run.record({ event: "worker", state: "stopped" }),
  (run) => run.recordReplay({ step: 2 }),
  (run) => run.log("error: the lock is lost"),
  (run) => run.openWorkerLog(0, "--- incarnation 1"),
  (run) => run.openWorkerLog(1, "--- incarnation 0"),
  (run) => run.close(),
];

test("a run that slept while another took its folder writes nothing more there", (context) => {
  for (const woken of ["by its timer", "by something else"]) {
    context.mock.timers.enable({ apis: ["Date", "setInterval"] });
    const dir = join(temporaryDirectory(context), "run");
    const run = RunDirectory.create(dir, RECIPE);
    run.record({ event: "step" });
    run.recordReplay({ step: 1 });
    run.log("begun");
    closeSync(run.openWorkerLog(0, "--- incarnation 0")!);
    writeFileSync(join(dir, "lock"), "another's");
    const before = filesOf(dir);
    assert.equal(before.get("metrics.jsonl"), '{"event":"step"}\n');
    if (woken === "by its timer") context.mock.timers.tick(130_000);
    else context.mock.timers.setTime(Date.now() + 130_000);
    for (const write of WRITES) {
      write(run);
      assert.deepEqual(filesOf(dir), before, `${woken}: ${write}`);
    }
    context.mock.timers.reset();
  }
});
