import assert from "node:assert/strict";
import { test } from "node:test";
import { nodePart } from "../../../src/membership/node-part.js";
import { recipeFor } from "../../../src/membership/told.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { member } from "../../support/member.js";
import { testRecipe } from "../../support/recipe.js";

const recipe = testRecipe();
const RUN = { run: "run", start: { recipe, pixelStatistics: null }, block: 2 };
const LAYOUT = layoutOf([{ name: "a", shape: [2, 3], role: "trainable", decay: true, init: { kind: "zeros" } }]);

test("a worker is told the recipe alone", () => {
  assert.deepEqual(recipeFor(member(0), RUN, LAYOUT), { type: "recipe", run: "run", recipe, pixelStatistics: null });
});

test("a node is told its workers' ranks as well, and the parameters as far as they are known", () => {
  const node = nodePart(1, [
    { rank: 2, incarnation: 0 },
    { rank: 3, incarnation: 1 },
  ]);
  const workers = [
    { rank: 2, incarnation: 0 },
    { rank: 3, incarnation: 1 },
  ];
  const parameters = [{ name: "a", shape: [2, 3], role: "trainable", decay: true }];
  assert.deepEqual(recipeFor({ node }, RUN, LAYOUT).node, { workers, block: 2, parameters });
  assert.deepEqual(recipeFor({ node }, RUN, null).node, { workers, block: 2, parameters: null });
});
