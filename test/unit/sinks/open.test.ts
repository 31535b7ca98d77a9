import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { openSinks } from "../../../src/sinks/open.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("event files lie in the run's folder, or under its name in one for many runs", async (context) => {
  const dir = temporaryDirectory(context);
  const given = { runDir: join(dir, "one"), startStep: 0, now: () => 0, onTrouble: assert.fail };
  const open = async (tensorboard: boolean | string) => {
    const sinks = await openSinks({ tensorboard, mlflow: null }, given, {});
    for (const sink of sinks) await sink.close();
    return sinks.length;
  };
  assert.equal(await open(false), 0);
  assert.deepEqual(readdirSync(dir), []);
  assert.equal(await open(true), 1);
  assert.equal(readdirSync(join(dir, "one", "tensorboard")).length, 1);
  assert.equal(await open(join(dir, "all")), 1);
  assert.equal(readdirSync(join(dir, "all", "one")).length, 1);
});
