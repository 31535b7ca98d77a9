import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { RunLock } from "../../../src/lock/lock.js";
import { setHidden } from "../../../src/runs/hidden.js";
import { findRuns } from "../../../src/runs/list.js";
import { recordedEvents, recordRun } from "../../support/recorded-runs.js";
import { temporaryDirectory } from "../../support/temporary.js";

function folders(context: TestContext): {
  dir: string;
  cacheDir: string;
  list: () => Promise<Awaited<ReturnType<typeof findRuns>>["list"]>;
} {
  const [dir, cacheDir] = [temporaryDirectory(context), temporaryDirectory(context)];
  return { dir, cacheDir, list: async () => (await findRuns(dir, cacheDir)).list };
}

const lines = (events: readonly unknown[]) => events.map((event) => `${JSON.stringify(event)}\n`).join("");

test("a run's row: what it is, how far and how well it went, how fast and how long; the latest first", async (context) => {
  const { dir, list } = folders(context);
  recordRun(join(dir, "older"), { since: 1000, end: "stopped" });
  recordRun(join(dir, "newer"), { since: 2000 });
  const { runs, passed_over } = await list();
  assert.deepEqual(passed_over, []);
  assert.deepEqual(
    runs.map(({ name }) => name),
    ["newer", "older"],
  );
  assert.deepEqual(runs[0], {
    name: "newer",
    path: join(dir, "newer"),
    state: "done",
    model: "lenet5",
    dataset: "synthetic",
    recipe_sha256: "a".repeat(64),
    weights_sha256: "b".repeat(64),
    started: 2000,
    updated: 2002,
    duration_seconds: 2,
    step: 4,
    steps: 4,
    epoch: 2,
    loss: 0.25,
    accuracy: 1 - 1 / 3,
    best_accuracy: 1 - 1 / 3,
    samples_per_second: 200,
    workers: 2,
    failure: null,
    held_back: "nothing holds it back",
    page_url: null,
    hidden: false,
    warnings: [],
  });
  assert.equal(runs[1]!.state, "stopped");
});

test("states: live while its lock is held, else as it told, killed without a word, new before the first", async (context) => {
  const { dir, list } = folders(context);
  for (const end of ["done", "failed", null] as const) recordRun(join(dir, String(end)), { end });
  recordRun(join(dir, "new"), {});
  writeFileSync(join(dir, "new", "metrics.jsonl"), "");
  recordRun(join(dir, "live"), { end: null });
  const lock = RunLock.take(join(dir, "live", "lock"));
  context.after(() => lock.release());
  const { runs } = await list();
  const states = Object.fromEntries(runs.map(({ name, state }) => [name, state]));
  assert.deepEqual(states, { done: "done", failed: "failed", null: "killed", new: "new", live: "live" });
  assert.equal(runs.find(({ name }) => name === "failed")!.failure, "the disk is full");
  lock.release();
  assert.equal((await list()).runs.find(({ name }) => name === "live")!.state, "killed");
});

test("durations add up over resumes, without the pauses between; a rollback goes back", async (context) => {
  const { dir, list } = folders(context);
  const run = join(dir, "run");
  recordRun(run, { since: 1000, end: null });
  const resumed = recordedEvents(run, { since: 5000, steps: 6 });
  appendFileSync(join(run, "metrics.jsonl"), lines(resumed));
  const [row] = (await list()).runs;
  assert.deepEqual([row!.duration_seconds, row!.step, row!.state, row!.updated], [2 + 3, 6, "done", 5003]);
  appendFileSync(
    join(run, "metrics.jsonl"),
    lines([resumed[0], { event: "rollback", from_step: 6, step: 2, reason: "r" }]),
  );
  assert.equal((await list()).runs[0]!.step, 2);
});

test("what grew is read from where it ended; half a line is left for later; what was changed is read anew", async (context) => {
  const { dir, list, cacheDir } = folders(context);
  const run = join(dir, "run");
  const file = join(run, "metrics.jsonl");
  const events = recordedEvents(run, { steps: 6 });
  recordRun(run, { steps: 0, end: null });
  writeFileSync(file, lines(events.slice(0, 3)));
  assert.equal((await list()).runs[0]!.step, 2);
  const [next] = [lines(events.slice(4, 5))];
  appendFileSync(file, next.slice(0, 40));
  assert.equal((await list()).runs[0]!.step, 2);
  appendFileSync(file, next.slice(40));
  assert.deepEqual([(await list()).runs[0]!.step, (await list()).runs[0]!.warnings.length], [3, 0]);

  // What the cache says of a file that is as it was is taken as it is; of any other nothing is.
  const [cache] = readdirSync(join(cacheDir, "runs"));
  const kept = join(cacheDir, "runs", cache!);
  writeFileSync(kept, readFileSync(kept, "utf8").replace('"step":3', '"step":33'));
  assert.equal((await list()).runs[0]!.step, 33, "read from the cache");
  const { size, mtime, atime } = statSync(file);
  writeFileSync(
    file,
    lines(events.slice(0, 3))
      .padEnd(size - 1, " ")
      .concat("\n"),
  );
  utimesSync(file, atime, mtime);
  assert.equal((await list()).runs[0]!.step, 2, "of the same size and time, but not the same file");
  truncateSync(file, 0);
  appendFileSync(file, lines(recordedEvents(run, { steps: 9 })));
  assert.equal((await list()).runs[0]!.step, 9, "cut, and longer than before");
  writeFileSync(kept, "{");
  assert.equal((await list()).runs[0]!.step, 9, "a damaged cache is none");
});

test("damaged lines are counted and passed over; so is a line of another version", async (context) => {
  const { dir, list } = folders(context);
  recordRun(join(dir, "run"));
  const file = join(dir, "run", "metrics.jsonl");
  appendFileSync(file, '{"event":"st\n[]\n{"event":"nobody knows it"}\n\n{"event":"plan","steps":"many"}\n');
  const [row] = (await list()).runs;
  assert.match(row!.warnings[0]!, /metrics\.jsonl: lines that cannot be read, and were passed over: 2/);
  assert.deepEqual([row!.step, row!.steps], [4, null]);
});

test("what is no run, or cannot be read, is named and passed over", async (context) => {
  const { dir, list } = folders(context);
  recordRun(join(dir, "run"));
  for (const name of ["empty", "foreign", "damaged", "half", "nothing", "locked"]) mkdirSync(join(dir, name));
  writeFileSync(join(dir, "notes.txt"), "a file is none of ours");
  mkdirSync(join(dir, ".git"));
  writeFileSync(join(dir, "foreign", "a.txt"), "");
  writeFileSync(join(dir, "damaged", "recipe.json"), '{"model":"len');
  writeFileSync(join(dir, "half", "recipe.json"), '{"model":"lenet5"}');
  writeFileSync(join(dir, "nothing", "recipe.json"), "null");
  mkdirSync(join(dir, "locked", "recipe.json"));
  symlinkSync("circle", join(dir, "circle"));
  symlinkSync("gone", join(dir, "dangling"));
  symlinkSync(dir, join(dir, "self"));
  symlinkSync("run", join(dir, "another-name"));
  const { runs, passed_over } = await list();
  assert.deepEqual(
    runs.map(({ name }) => name),
    ["run"],
  );
  const reasons = Object.fromEntries(passed_over.map(({ path, reason }) => [path.slice(dir.length + 1), reason]));
  assert.match(reasons.locked!, /^its recipe\.json is a folder, a pipe or a device/);
  assert.match(reasons.damaged!, /^its recipe\.json is damaged: .*JSON/);
  delete reasons.locked;
  delete reasons.damaged;
  assert.deepEqual(reasons, {
    empty: "it is empty",
    foreign: "it is not the folder of a run: it has no recipe.json",
    half: "its recipe.json is not a recipe: it names no model and no dataset",
    nothing: "its recipe.json is not a recipe: it names no model and no dataset",
    circle: "it is a link that leads in a circle",
    dangling: "it is a link to something that does not exist",
    self: "it is not the folder of a run: it has no recipe.json",
    "another-name": "it is the same folder as run",
  });
});

test("records that are no file cost their numbers, not the run; a recipe with keys of a later version is one", async (context) => {
  const { dir, list } = folders(context);
  recordRun(join(dir, "later"), { recipe: { model: "vgg13", ...({ fromTheFuture: 1 } as object) } });
  mkdirSync(join(dir, "odd", "metrics.jsonl"), { recursive: true });
  writeFileSync(join(dir, "odd", "recipe.json"), '{"model":"/home/me/net.js","dataset":"mnist"}');
  const [later, odd] = (await list()).runs;
  assert.deepEqual([later!.model, odd!.model, odd!.state], ["vgg13", "net.js", "new"]);
  assert.match(odd!.warnings[0]!, /metrics\.jsonl is a folder, a pipe or a device/);
});

test("a pipe is not waited for, and a recipe of megabytes is none", async (context) => {
  const { dir, list } = folders(context);
  recordRun(join(dir, "run"));
  execFileSync("mkfifo", [join(dir, "run", "pipe"), join(dir, "recipe-pipe")]);
  renameSync(join(dir, "run", "pipe"), join(dir, "run", "metrics.jsonl"));
  mkdirSync(join(dir, "piped"));
  renameSync(join(dir, "recipe-pipe"), join(dir, "piped", "recipe.json"));
  mkdirSync(join(dir, "large"));
  writeFileSync(
    join(dir, "large", "recipe.json"),
    `{"model":"lenet5","dataset":"mnist","x":"${"x".repeat(1_000_000)}"}`,
  );
  const { runs, passed_over } = await list();
  assert.deepEqual([runs.length, runs[0]!.state], [1, "new"]);
  assert.match(runs[0]!.warnings[0]!, /its metrics\.jsonl is a folder, a pipe or a device/);
  const reasons = passed_over.map(({ reason }) => reason).join("\n");
  assert.match(reasons, /its recipe\.json is no recipe: it has 1\.0 MB/);
  assert.match(reasons, /its recipe\.json is a folder, a pipe or a device/);
});

test("lines of strangers are counted, not believed: no numbers, words for numbers, a line without end", async (context) => {
  const { dir, list } = folders(context);
  recordRun(join(dir, "run"), { steps: 2, end: null });
  const step = { event: "step", step: 3, samples: 1, duration_seconds: 1, loss: null };
  const strange = [
    { ...step, step: "<b>3</b>" },
    { ...step, samples: "many" },
    { event: "rollback" },
    { event: "done" },
    7,
  ];
  const head = `{"event":"step","step":9,"epoch":0,"loss":1e+e,"accuracy":0,"lr":0,"gradient_norm":0,"samples":1,"duration_seconds":1,"x":0}\n`;
  appendFileSync(join(dir, "run", "metrics.jsonl"), lines(strange) + head + lines([step]));
  const [row] = (await list()).runs;
  assert.deepEqual([row!.step, row!.loss, row!.state], [3, null, "killed"]);
  assert.match(row!.warnings[0]!, /passed over: 6$/);
  appendFileSync(
    join(dir, "run", "metrics.jsonl"),
    `${"x".repeat(17 * 1024 * 1024)}\n${lines([{ ...step, step: 4 }])}`,
  );
  const [later] = (await list()).runs;
  assert.equal(later!.step, 4);
  assert.match(later!.warnings[0]!, /passed over: 7$/);
});

test("folders that cannot be listed are errors that say what to do", async (context) => {
  const { dir, cacheDir } = folders(context);
  recordRun(join(dir, "run"));
  writeFileSync(join(dir, "file"), "");
  await assert.rejects(findRuns(join(dir, "gone"), cacheDir), /gone does not exist\. Runs lie in "runs"/);
  await assert.rejects(findRuns(join(dir, "file"), cacheDir), /file cannot be listed: it is not a folder/);
  await assert.rejects(findRuns(join(dir, "run"), cacheDir), /it is a run itself; give the folder that it lies in/);
});

test("hidden ones are known by name, in a list beside them; without a cache it works as well", async (context) => {
  const { dir } = folders(context);
  for (const name of ["one", "two"]) recordRun(join(dir, name));
  setHidden(dir, "one", true);
  const hidden = async () =>
    (await findRuns(dir, "/dev/null/none")).list.runs.filter((row) => row.hidden).map(({ name }) => name);
  assert.deepEqual(await hidden(), ["one"]);
  setHidden(dir, "one", false);
  assert.deepEqual(await hidden(), []);
  writeFileSync(join(dir, ".hidden-runs.json"), "{");
  const { passed_over } = (await findRuns(dir, "/dev/null/none")).list;
  assert.match(passed_over[0]!.reason, /cannot be read, so nothing is hidden/);
  chmodSync(dir, 0o755);
});
