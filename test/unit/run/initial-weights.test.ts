import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { encodeSafetensors } from "../../../src/checkpoint/safetensors.js";
import type { TableModel } from "../../../src/models/choice.js";
import { normalizationWarning, readInitialWeights } from "../../../src/run/initial-weights.js";
import { testRecipe } from "../../support/recipe.js";
import { temporaryDirectory } from "../../support/temporary.js";

const table = (name: string, options: TableModel["options"] = {}): TableModel => ({ kind: "table", name, options });

/** Reads a file of one tensor of that name. */
async function read(
  context: TestContext,
  name: string,
  given: TableModel,
  {
    channels = 3,
    metadata = {},
    known = null,
  }: { channels?: number; metadata?: Record<string, string>; known?: "its own" | null } = {},
) {
  const path = join(temporaryDirectory(context), "weights.safetensors");
  writeFileSync(path, Buffer.concat(encodeSafetensors([{ name, shape: [1], data: Float32Array.of(1) }], metadata)));
  const first = await readInitialWeights(testRecipe(), given, path, channels);
  if (known === null) return first;
  const { initWeightsSha256 } = first.recipe;
  return readInitialWeights({ ...testRecipe(), initWeightsSha256 }, given, path, channels);
}

test("weights of torchvision's names bring the options of torchvision's network; what was given stands", async (context) => {
  const torch = "conv1.conv.weight";
  const { recipe, model } = await read(context, torch, table("googlenet-bn"));
  assert.deepEqual(model.options, { auxiliaryPool: "adaptive", transformInput: true });
  assert.deepEqual(recipe.model, model);
  const given = await read(context, torch, table("googlenet-bn", { transformInput: false }));
  assert.deepEqual(given.model.options, { auxiliaryPool: "adaptive", transformInput: false });
  const ours = await read(context, "conv1/kernel", table("googlenet-bn"));
  assert.deepEqual(ours.model.options, {});
  const gray = await read(context, torch, table("googlenet-bn"), { channels: 1 });
  assert.deepEqual(gray.model.options, {});
  assert.deepEqual((await read(context, torch, table("resnet18"))).model.options, {});
});

test("an export of ours under torchvision's names says what it was made with, and a repeated recipe is left as it is", async (context) => {
  const torch = "conv1.conv.weight";
  const metadata = { model_options: '{"auxiliaryHeads":false}' };
  const { model } = await read(context, torch, table("googlenet-bn"), { metadata });
  assert.deepEqual(model.options, { auxiliaryPool: "5x5", transformInput: false });
  const again = await read(context, torch, table("googlenet-bn"), { known: "its own" });
  assert.deepEqual(again.model.options, {});
});

test("where normalisation is missing, the plan warns", async (context) => {
  const { file, recipe } = await read(context, "conv1.weight", table("resnet18"));
  assert.match(
    normalizationWarning(recipe, file)!,
    /weights\.safetensors has torchvision's names.*Add --normalization channel/,
  );
  assert.equal(normalizationWarning({ ...recipe, normalization: "channel" }, file), null);
  const ours = await read(context, "conv1/kernel", table("resnet18"));
  assert.equal(normalizationWarning(ours.recipe, ours.file), null);
  const transforming = { ...testRecipe(), model: table("googlenet-bn", { transformInput: true }) };
  assert.match(normalizationWarning(transforming, null)!, /googlenet-bn's transformInput expects/);
});
