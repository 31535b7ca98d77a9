import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { RunsFolder } from "../../../src/web/runs-folder.js";
import { recordRun } from "../../support/recorded-runs.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("a folder is looked at once for all who ask meanwhile, again after a moment, and at once after a change", async (context) => {
  const [dir, cacheDir] = [temporaryDirectory(context), temporaryDirectory(context)];
  recordRun(join(dir, "one"));
  let now = 0;
  const folder = new RunsFolder(dir, cacheDir, () => now);
  const both = [folder.list(), folder.list()];
  now = 60_000; // however long it takes
  const late = folder.list();
  const [first, second] = await Promise.all(both);
  assert.equal(first, second);
  assert.equal(await late, first);
  recordRun(join(dir, "two"));
  assert.equal(await folder.list(), first);
  now += 2000;
  assert.equal((await folder.list()).runs.length, 2);
  const begun = folder.list();
  await folder.hide("one", true);
  await begun;
  assert.equal((await folder.list()).runs.find(({ name }) => name === "one")?.hidden, true);
  await folder.remove("two");
  assert.equal(await folder.pathOf("two"), null);
});
