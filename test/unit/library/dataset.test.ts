import assert from "node:assert/strict";
import { test } from "node:test";
import type { Dataset } from "../../../src/data/dataset.js";
import { loadSynthetic } from "../../../src/data/synthetic.js";
import { datasetOf, type ReadDataset } from "../../../src/library/dataset.js";
import { testRecipe } from "../../support/recipe.js";

const DATA = loadSynthetic({ height: 4, width: 4, channels: 1, classes: 2, train: 2, test: 2 });

/** What would be read. */
async function asked(...[recipe, request]: [Parameters<typeof datasetOf>[0], Parameters<typeof datasetOf>[1]]) {
  const seen: Parameters<ReadDataset>[0][] = [];
  const read: ReadDataset = async (named): Promise<Dataset> => {
    seen.push(named);
    return DATA;
  };
  await datasetOf(recipe, request, read);
  return seen[0]!;
}

test("another image folder is read at the size of the run's", async () => {
  const recipe = testRecipe({ dataset: "image-folder", datasetOptions: { size: 96, channels: 1, testShare: 0.3 } });
  assert.deepEqual(await asked(recipe, { dataset: "image-folder" }), {
    dataset: "image-folder",
    datasetOptions: { size: 96, channels: 1 },
  });
  const other = await asked(recipe, { dataset: "image-folder", datasetOptions: { size: 128 } });
  assert.deepEqual(other.datasetOptions, { size: 128, channels: 1 });
});

test("an image folder for a network of other data is read at those data's size", async () => {
  const cifar = await asked(testRecipe({ dataset: "cifar10" }), { dataset: "image-folder" });
  assert.deepEqual(cifar.datasetOptions, { size: 32, channels: 3 });
  assert.deepEqual((await asked(testRecipe({ dataset: "cifar10" }), { dataset: "cifar100" })).datasetOptions, {});
});

test("the run's own data must be what they were", async () => {
  const recipe = testRecipe({ datasetSha256: "b".repeat(64), datasetOptions: { height: 4 } });
  await assert.rejects(asked(recipe, {}), { code: "data-differs", exitCode: 2 });
  const own = await asked({ ...recipe, datasetSha256: DATA.sha256 }, {});
  assert.deepEqual(own, { dataset: "synthetic", datasetOptions: { height: 4 }, sha256: DATA.sha256 });
  await assert.rejects(asked(recipe, { datasetOptions: { size: 3 } }), { code: "usage" });
});
