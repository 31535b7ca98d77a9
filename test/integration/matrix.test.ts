/**
 * One result of a recipe over every way in which it can be computed (test/matrix/table.ts). Here every pair of values
 * occurs; `npm run matrix` does every three.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { resultOf } from "../matrix/play.js";
import { pairsOf } from "../matrix/table.js";

const STRENGTH = Number(process.env.CNN_DIST_TEST_STRENGTH ?? 2);

for (const [first, second] of pairsOf(STRENGTH))
  test(`${first.name} | ${second.name}`, async (context) => {
    const expected = await resultOf(context, first);
    assert.ok(expected.weights !== null && expected.steps.length >= 3);
    assert.equal(expected.average !== null, first.recipe.ema !== undefined);
    assert.deepEqual(await resultOf(context, second), expected);
  });
