import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { recipeCodec, written } from "../../../src/config/recipe.js";
import { type RecipeOverrides, recipeNames, recipeSha256, resolveRecipe } from "../../../src/config/resolve.js";
import { networkShape } from "../../../src/data/augment/pipeline.js";
import { datasetFacts } from "../../../src/data/datasets.js";
import { UsageError } from "../../../src/errors.js";
import { buildModel } from "../../../src/models/registry.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("every recipe is whole, and its steps leave images that its network takes", () => {
  for (const name of recipeNames()) {
    const recipe = resolveRecipe({ recipe: name, overrides: {}, workers: 1 });
    const { shape, classes } = datasetFacts(recipe.dataset, recipe.datasetOptions);
    const input = networkShape(recipe.augmentation, shape);
    const { model } = recipe;
    assert.ok(model.kind === "table", name);
    const spec = buildModel(model.name, { input, classes: classes ?? 1000, options: model.options });
    assert.ok(spec.layers.length > 0, name);
    if (name.endsWith("-imagenet")) assert.deepEqual(input, [224, 224, 3], name);
    if (name.includes("-cifar")) assert.deepEqual(input, [32, 32, 3], name);
  }
});

test("a recipe's file names steps; what they leave out has its usual value, and it all counts in the hash", (context) => {
  const dir = temporaryDirectory(context);
  const resolved = (content: object) => {
    const file = join(dir, "recipe.json");
    writeFileSync(file, JSON.stringify({ model: "lenet5", ...content }));
    return resolveRecipe({ recipe: file, overrides: {}, workers: 1 });
  };
  const short = resolved({ augmentation: [{ step: "randomResizedCrop", size: 28 }] });
  const full = { step: "randomResizedCrop", size: 28, scale: [0.08, 1], ratio: [3 / 4, 4 / 3] };
  assert.deepEqual(short.augmentation, [full]);
  assert.equal(recipeSha256(resolved({ augmentation: [full] })), recipeSha256(short));
  const plain = resolved({});
  assert.deepEqual([plain.augmentation, plain.normalization], [[], "none"]);
  const others = [plain, resolved({ normalization: "channel" }), resolved({ augmentation: [{ ...full, size: 27 }] })];
  assert.equal(new Set([short, ...others].map(recipeSha256)).size, 4);

  const refused = (step: unknown, message: RegExp) =>
    assert.throws(
      () => resolved({ augmentation: [step] }),
      (error: unknown) => error instanceof UsageError && message.test(error.message),
    );
  refused({ step: "rotate" }, /"augmentation": expected one of padAndCrop, .*resizeWithPad, received/);
  refused({ step: "padAndCrop" }, /"augmentation": expected a number, received nothing/);
  refused({ step: "randomCrop", size: 0 }, /"augmentation": expected a number of at least 1, received 0/);
  refused({ ...full, scale: [0.5, 0.1] }, /expected two numbers, the lesser first, received \[0\.5,0\.1\]/);
});

test("a key that is newer than the first recipes counts in recipe_sha256 only where it is used, and may be absent", () => {
  const resolved = (overrides: RecipeOverrides) => resolveRecipe({ model: "lenet5", overrides, workers: 1 });
  const plain = resolved({ weightDecay: 0.01 });
  const before = written(plain);
  assert.equal("weightDecayExclude" in before, false);
  assert.equal(z.decode(recipeCodec, before).weightDecayExclude, "none");
  assert.deepEqual(written(resolved({ weightDecay: 0.01, weightDecayExclude: "none" })), before);
  // Of the recipe of lenet5 as it was before there was such a key.
  assert.equal(recipeSha256(resolved({})), "aade3db478c73905d9e64b70e362f19ab5023a41a6ec79a3cb44a77349a8b9ff");
  const spared = resolved({ weightDecay: 0.01, weightDecayExclude: "biasAndNorm" });
  assert.notEqual(recipeSha256(spared), recipeSha256(plain));
  assert.deepEqual(z.decode(recipeCodec, written(spared)), spared);
  assert.throws(() => resolved({ weightDecayExclude: "bias" as never }), /--weight-decay-exclude.*none, biasAndNorm/);
});
