import assert from "node:assert/strict";
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { verify } from "../../../src/index.js";
import { RunDirectory } from "../../../src/run/directory.js";
import { REPLAY_FILE } from "../../../src/run/replay.js";
import { testRecipe } from "../../support/recipe.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("the recipe is read once: nobody can put another in its place after it was allowed to run", async (context) => {
  const runDir = join(temporaryDirectory(context), "run");
  RunDirectory.create(runDir, testRecipe()).close();
  const read = context.mock.method(fs, "readFileSync");
  syncBuiltinESMExports();
  context.after(() => {
    context.mock.restoreAll();
    syncBuiltinESMExports();
  });
  await assert.rejects(verify(runDir), { code: "verify", message: /no committed step to compare with/ });
  const paths = read.mock.calls.map(({ arguments: [path] }) => path);
  const times = (name: string) => paths.filter((path) => path === join(runDir, name)).length;
  assert.deepEqual([times("recipe.json"), times(REPLAY_FILE)], [1, 1]);
});
