import assert from "node:assert/strict";
import { test } from "node:test";
import { PLACEMENT_DEFAULTS } from "../../../src/config/placement.js";
import { checkCombinations } from "../../../src/run/combinations.js";
import type { StartOptions } from "../../../src/run/context.js";
import { testRecipe } from "../../support/recipe.js";

const options = (more: Partial<StartOptions>): StartOptions => ({
  recipe: testRecipe(),
  placement: PLACEMENT_DEFAULTS,
  ...more,
});

test("compression goes with neither nodes nor backups, and backups not with nodes", () => {
  const backups = { ...PLACEMENT_DEFAULTS, backupShards: true };
  const nodes = {} as NonNullable<StartOptions["nodes"]>;
  const compressed = testRecipe({ compress: "bf16" });
  checkCombinations(options({}));
  checkCombinations(options({ placement: backups }));
  checkCombinations(options({ recipe: compressed }));
  for (const [given, message] of [
    [{ recipe: compressed, nodes }, /^--compress bf16 is not possible over several machines/],
    [{ recipe: compressed, placement: backups }, /^--backup-shards and --compress bf16 cannot be combined/],
    [{ placement: backups, nodes }, /^--backup-shards is not possible over several machines' nodes/],
  ] as const)
    assert.throws(() => checkCombinations(options(given)), { code: "config", message });
});
