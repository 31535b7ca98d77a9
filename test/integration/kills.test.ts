/** Twenty of the random kills; `npm run kills` does as many as one likes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { killAtRandom } from "../kills/kills.js";
import { scratch } from "../support/runs.js";

test("any process killed at any moment: the next start ends in the same bits, and nothing is left", async (context) => {
  const lines: string[] = [];
  const failed = await killAtRandom(scratch(context), { count: 20, seed: 1 }, (line) => lines.push(line));
  assert.equal(failed, 0, lines.join("\n"));
  assert.equal(lines.filter((line) => line.includes(" -> ")).length, 20);
});
