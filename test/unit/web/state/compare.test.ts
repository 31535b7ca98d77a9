import assert from "node:assert/strict";
import { test } from "node:test";
import { differingKeys, type RunCurves, verdictOf } from "../../../../src/web/state/compare.js";
import { emptyCurves } from "../../../../src/web/state/curves.js";
import { DONE, PLAN } from "../../../support/run-events.js";

function run(
  name: string,
  recipe: Partial<typeof PLAN.recipe> = {},
  done: Partial<typeof DONE> | null = {},
): RunCurves {
  return {
    name,
    plan: { ...PLAN, recipe: { ...PLAN.recipe, ...recipe } },
    curves: emptyCurves(),
    tests: [],
    done: done && { ...DONE, ...done },
  };
}

test("keys that differ, also those that one recipe does not have", () => {
  assert.deepEqual(differingKeys([run("a"), run("b")]), []);
  const differences = differingKeys([run("a", { lr: 0.1 }), run("b", { lr: 0.2, accumulate: 4 })]);
  assert.deepEqual(differences, [
    { key: "lr", values: [0.1, 0.2] },
    { key: "accumulate", values: [undefined, 4] },
  ]);
});

test("one recipe and one result, in words", () => {
  assert.deepEqual(verdictOf([run("a"), run("b")]), [
    "Both runs have the same recipe_sha256: on one engine they must end in the same weights.",
    "Both runs ended in the same weights: equal weights_sha256.",
  ]);
  assert.deepEqual(verdictOf([run("a")]), []);
});

test("one recipe and two results are what must not be", () => {
  const [, weights] = verdictOf([run("a"), run("b", {}, { weights_sha256: "c".repeat(64) })]);
  assert.match(weights!, /ended in different weights.*One recipe, and other bits/);
  const [, stopped] = verdictOf([run("a"), run("b", {}, { weights_sha256: "c".repeat(64), step: 7 })]);
  assert.match(stopped!, /after different steps\.$/);
});

test("other recipes promise nothing, and a run that goes on is not known yet", () => {
  const other = run("b", { lr: 1 }, { recipe_sha256: "d".repeat(64), weights_sha256: "e".repeat(64) });
  assert.match(verdictOf([run("a"), other])[0]!, /different recipe_sha256/);
  assert.match(verdictOf([run("a"), run("b", {}, null)])[1]!, /cannot be compared yet\. b has not ended\.$/);
});
