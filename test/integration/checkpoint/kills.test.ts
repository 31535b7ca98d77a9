/** A short form; `npm run checkpoints` kills a thousand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { killWriters } from "../../checkpoints/kills.js";
import { scratch } from "../../support/runs.js";

test("a writer of checkpoints that is killed at any moment leaves one that loads, no older than it said", async (context) => {
  const { problems, moments } = await killWriters(scratch(context), { count: 10, seed: 2 });
  assert.deepEqual(problems, []);
  assert.ok(moments.size > 4, [...moments.keys()].join(", "));
});
