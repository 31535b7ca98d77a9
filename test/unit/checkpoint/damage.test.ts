/** A short form; `npm run checkpoints` turns 10,000 bits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { damageFiles } from "../../checkpoints/damage.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("cut after any byte of a small file, or with any bit turned, a checkpoint is loaded as before or refused by name", async (context) => {
  const damage = await damageFiles(temporaryDirectory(context), { sizes: ["small"], cuts: 0, flips: 400, seed: 1 });
  assert.deepEqual(damage.problems, []);
  assert.ok(damage.truncations > 3000 && damage.loaded < 60, JSON.stringify(damage));
});
