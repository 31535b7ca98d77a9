import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { RunLock } from "../../../src/lock/lock.js";
import type { RunComparison, RunRow } from "../../../src/runs/types.js";
import { inProcess } from "../../support/cli.js";
import { recordRun } from "../../support/recorded-runs.js";
import { temporaryDirectory } from "../../support/temporary.js";

/** Three runs; the cache is the test's own. */
function three(context: TestContext): string {
  const dir = temporaryDirectory(context);
  process.env.HOME = temporaryDirectory(context);
  recordRun(join(dir, "lenet5-first"), { since: 1000, steps: 4 });
  recordRun(join(dir, "lenet5-second"), {
    since: 2000,
    steps: 8,
    recipe: { lr: 0.5 },
    recipeSha256: "c".repeat(64),
    weightsSha256: "d".repeat(64),
  });
  recordRun(join(dir, "vgg13-third-with-a-long-name"), { since: 3000, end: "failed", recipe: { model: "vgg13" } });
  return dir;
}
const namesIn = (stdout: string) =>
  [...stdout.matchAll(/^(lenet5-first|lenet5-second|vgg13\S*)/gm)].map(([, name]) => name);

test("the table: latest first, sorted, filtered by row and recipe, hidden ones left out", async (context) => {
  const dir = three(context);
  const { code, stdout, stderr } = await inProcess(["runs", dir]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^run +state +model +data +step +loss +best +images\/s +time\n/);
  assert.match(stdout, /lenet5-second +done +lenet5 +synthetic +8\/8 +0\.1250 +0\.8000 +200 +4\.0 s/);
  assert.deepEqual(namesIn(stdout), ["vgg13-third-with-a-long-name", "lenet5-second", "lenet5-first"]);
  const names = async (...words: string[]) => namesIn((await inProcess(["runs", dir, ...words])).stdout);
  assert.deepEqual(await names("--sort", "accuracy"), [
    "lenet5-second",
    "vgg13-third-with-a-long-name",
    "lenet5-first",
  ]);
  assert.deepEqual(await names("--filter", "model=len*", "--filter", "lr=0.5"), ["lenet5-second"]);
  assert.deepEqual(await names("--filter", "state=failed"), ["vgg13-third-with-a-long-name"]);
  assert.match(
    (await inProcess(["runs", dir, "--filter", "modle=x"])).stderr,
    /no run has that key \(did you mean "model"/,
  );
  assert.equal((await inProcess(["runs", "hide", join(dir, "lenet5-first")])).code, 0);
  assert.deepEqual(await names(), ["vgg13-third-with-a-long-name", "lenet5-second"]);
  assert.equal((await names("--all")).length, 3);
});

test("narrow terminals lose columns, then the ends of names, and no line is too long", async (context) => {
  const dir = three(context);
  for (const width of [40, 60, 80, 160]) {
    const { stdout } = await inProcess(["runs", dir], width);
    for (const line of stdout.split("\n")) assert.ok(line.length <= width, `${width}: ${line}`);
    assert.match(stdout, /^run +state.* best/);
    assert.equal(/ data /.test(stdout), width >= 100);
  }
});

test("--json and --csv give what is shown", async (context) => {
  const dir = three(context);
  const json = await inProcess(["runs", dir, "--json", "--filter", "model=lenet5"]);
  const rows = json.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as RunRow);
  assert.deepEqual(
    rows.map(({ name }) => name),
    ["lenet5-second", "lenet5-first"],
  );
  const csv = (await inProcess(["runs", dir, "--csv", "--filter", "state=failed"])).stdout.split("\r\n");
  assert.equal(csv.length, 3);
  assert.match(csv[0]!, /^name,path,state,model,/);
  assert.match(csv[1]!, /^vgg13-third-with-a-long-name,.*,failed,vgg13,.*,the disk is full,/);
  assert.equal((await inProcess(["runs", dir, "--csv", "--json"])).code, 2);
});

test("compare: keys that differ, and recipes and weights in words", async (context) => {
  const dir = three(context);
  const [first, second] = [join(dir, "lenet5-first"), join(dir, "lenet5-second")];
  const { stdout } = await inProcess(["runs", "compare", first, second]);
  assert.match(stdout, /^key of the recipe +lenet5-first +lenet5-second\nlr +0\.001 +0\.5\n/m);
  assert.match(
    stdout,
    /^The recipes are different \(recipe_sha256\): lr\.\nThe weights are different, after different steps \(4, 8\)/m,
  );
  const json = JSON.parse((await inProcess(["runs", "compare", first, second, "--json"])).stdout) as RunComparison;
  assert.deepEqual([json.same_recipe, json.same_weights, json.differing.length], [false, false, 1]);
  for (const words of [
    ["compare"],
    ["compare", first],
    ["compare", first, join(dir, "gone")],
    ["delete"],
    [dir, first],
  ])
    assert.equal((await inProcess(["runs", ...words])).code, 2, words.join(" "));
});

test("delete asks; where it cannot, it needs --yes; a run in use is refused", async (context) => {
  const dir = three(context);
  const run = join(dir, "lenet5-first");
  const unasked = await inProcess(["runs", "delete", run]);
  assert.deepEqual([unasked.code, existsSync(run)], [2, true]);
  assert.match(unasked.stderr, /Give --yes/);
  const lock = RunLock.take(join(run, "lock"));
  context.after(() => lock.release());
  const used = await inProcess(["runs", "delete", run, "--yes"]);
  assert.deepEqual([used.code, existsSync(run)], [2, true]);
  assert.match(used.stderr, /is in use by another run/);
  lock.release();
  assert.equal((await inProcess(["runs", "delete", run, "--yes"])).code, 0);
  assert.equal(existsSync(run), false);
});

test("names of folders cannot steer a terminal", async (context) => {
  const dir = three(context);
  recordRun(join(dir, "bold\u001b[1m\nrun \u202e"), { since: 4000 });
  mkdirSync(join(dir, "empty\u001b[2J"));
  const { stdout, stderr } = await inProcess(["runs", dir]);
  assert.match(stdout, /\nbold\ufffd\[1m\ufffdrun \ufffd {2}/);
  assert.match(stderr, /empty\ufffd\[2J is passed over: it is empty\n/);
});
