/** A safetensors file in a checkpoint's place: which network, which images, which classes, how normalised. */
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { encodeSafetensors } from "../../../src/checkpoint/safetensors.js";
import { CheckpointStore } from "../../../src/checkpoint/store.js";
import { readWeightsFile } from "../../../src/checkpoint/weights-file.js";
import { datasetFacts } from "../../../src/data/datasets.js";
import { loadSynthetic } from "../../../src/data/synthetic.js";
import { exportCheckpoint } from "../../../src/export/export.js";
import { openCheckpoint } from "../../../src/library/checkpoint.js";
import type { ReadDataset } from "../../../src/library/dataset.js";
import type { WeightsRequest } from "../../../src/library/weights.js";
import { initialValues } from "../../../src/models/init.js";
import { parametersOf } from "../../../src/models/parameters.js";
import { buildModel, type ModelOptions } from "../../../src/models/registry.js";
import type { ImageShape } from "../../../src/models/spec.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { testRecipe } from "../../support/recipe.js";
import { testSnapshot } from "../../support/snapshot.js";
import { temporaryDirectory } from "../../support/temporary.js";

const CLASSES = ["boot", "coat", "hat"];
const IMAGENET = { mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] };
const NARROW = { width: 1 / 16 };
const LARGE: ImageShape = [80, 80, 3];

function snapshotOf(model: string, image: ImageShape, options: ModelOptions = {}) {
  const layout = layoutOf(parametersOf(buildModel(model, { input: image, classes: CLASSES.length, options })));
  const recipe = { ...testRecipe(), model: { kind: "table", name: model, options } as const };
  return testSnapshot({ recipe, image, classNames: CLASSES, layout, ...initialValues(layout, 3), slots: {} });
}

const unread: ReadDataset = () => assert.fail("no data are needed");

/** Opens the file; `told` are the warnings. */
async function opened(path: string, request: WeightsRequest, read: ReadDataset = unread) {
  const told: string[] = [];
  const control = { onWarning: (text: string) => void told.push(text) };
  return { ...(await openCheckpoint(path, request, { read, needsData: read !== unread }, control)), told };
}

async function exported(context: TestContext, snapshot: ReturnType<typeof snapshotOf>, names?: "torchvision") {
  const path = join(temporaryDirectory(context), "weights.safetensors");
  await exportCheckpoint(snapshot, "safetensors", path, names);
  return path;
}

/** As others write it: without any metadata. */
function bare(context: TestContext, { layout, weights, state }: ReturnType<typeof snapshotOf>) {
  const path = join(temporaryDirectory(context), "bare.safetensors");
  const tensors = [
    ...layout.trainable.map((slot) => ({ slot, vector: weights })),
    ...layout.state.map((slot) => ({ slot, vector: state })),
  ].map(({ slot: { name, shape, offset, size }, vector }) => ({
    name,
    shape,
    data: vector.slice(offset, offset + size),
  }));
  writeFileSync(path, Buffer.concat(encodeSafetensors(tensors)));
  return path;
}

for (const names of [undefined, "torchvision"] as const)
  test(`an export ${names ? "under torchvision's names" : "of ours"} needs no word more: it says what it is`, async (context) => {
    const given = snapshotOf("googlenet-bn", [40, 36, 3], { ...NARROW, auxiliaryHeads: false });
    const { snapshot, dataset, told } = await opened(await exported(context, given, names), {});
    assert.deepEqual([dataset, told, snapshot.step], [null, [], 0]);
    assert.deepEqual([snapshot.image, snapshot.classNames], [given.image, CLASSES]);
    assert.ok(snapshot.recipe.model.kind === "table");
    assert.deepEqual(snapshot.recipe.model.name, "googlenet-bn");
    assert.equal(snapshot.recipe.model.options.transformInput ?? false, false);
    assert.equal(snapshot.recipe.normalization, "none");
    assert.deepEqual([snapshot.weights, snapshot.state], [given.weights, given.state]);
  });

test("a state dict of torchvision's: options, normalisation and classes as its published weights have them", async (context) => {
  const trained = snapshotOf("googlenet-bn", [224, 224, 3], { auxiliaryHeads: false });
  const path = await exported(context, trained, "torchvision");
  const { tensors } = await readWeightsFile(path);
  writeFileSync(path, Buffer.concat(encodeSafetensors(tensors))); // nobody says what it is
  const { snapshot, told } = await opened(path, { model: "googlenet-bn" });
  assert.ok(snapshot.recipe.model.kind === "table");
  assert.deepEqual(snapshot.recipe.model.options, {
    auxiliaryPool: "adaptive",
    transformInput: true,
    auxiliaryHeads: false,
  });
  const { mean, deviation } = snapshot.pixelStatistics!;
  assert.deepEqual({ mean, deviation }, IMAGENET);
  assert.deepEqual(snapshot.classNames, ["class 0", "class 1", "class 2"]);
  assert.match(
    told[0]!,
    /torchvision's names: images are normalised by ImageNet's mean and deviation.*--normalization none/,
  );
  const raw = await opened(path, { model: "googlenet-bn", normalization: "none" });
  assert.deepEqual([raw.snapshot.pixelStatistics, raw.told], [null, []]);
});

test("ImageNet's statistics are those of torchvision's weights, whatever the data; channel asks for the data's", async (context) => {
  const path = await exported(context, snapshotOf("resnet18", LARGE, NARROW), "torchvision");
  writeFileSync(path, Buffer.concat(encodeSafetensors((await readWeightsFile(path)).tensors)));
  const read: ReadDataset = async () =>
    loadSynthetic({ height: 80, width: 80, channels: 3, classes: 3, train: 8, test: 4 });
  const request = { model: "resnet18", modelOptions: NARROW, dataset: "synthetic" };
  const { snapshot } = await opened(path, request, read);
  assert.deepEqual(snapshot.pixelStatistics?.mean, IMAGENET.mean);
  const own = await opened(path, { ...request, normalization: "channel" }, read);
  assert.notDeepEqual(own.snapshot.pixelStatistics?.mean, IMAGENET.mean);
  assert.deepEqual(own.told, []);
});

test("a recipe brings its data's form: images of 256, of which the middle 224 are seen", async (context) => {
  const path = bare(context, snapshotOf("resnet18", [224, 224, 3]));
  const { snapshot } = await opened(path, { recipe: "resnet18-imagenet" });
  assert.deepEqual(snapshot.image, [224, 224, 3]);
  assert.deepEqual(datasetFacts(snapshot.recipe.dataset, snapshot.recipe.datasetOptions).shape, [256, 256, 3]);
  assert.equal(snapshot.recipe.augmentation[0]!.step, "randomResizedCrop");
  assert.deepEqual(snapshot.pixelStatistics?.mean, IMAGENET.mean);
  const alone = await opened(path, { model: "resnet18" });
  assert.deepEqual([alone.snapshot.image, alone.snapshot.recipe.augmentation], [[224, 224, 3], []]);
});

test("evaluation reads the data, whose classes must be as many as the file's", async (context) => {
  const path = bare(context, snapshotOf("lenet5", [28, 28, 1]));
  const data =
    (classes: number): ReadDataset =>
    async ({ dataset }) => {
      assert.equal(dataset, "synthetic");
      return loadSynthetic({ height: 28, width: 28, channels: 1, classes, train: 8, test: 4 });
    };
  const request = { model: "lenet5", dataset: "synthetic" };
  const { snapshot, dataset } = await opened(path, request, data(3));
  assert.deepEqual(snapshot.classNames, dataset!.classNames);
  await assert.rejects(opened(path, request, data(4)), {
    code: "init-weights",
    message: /output\/kernel \(the file's is \[84,3\], the network's \[84,4\]\).*data of its classes/,
  });
});

test("a file that does not say its network, a checkpoint's own file and a folder with a network's name are refused", async (context) => {
  const dir = temporaryDirectory(context);
  const given = snapshotOf("lenet5", [28, 28, 1]);
  const refused = (path: string, request: WeightsRequest, code: string, message: RegExp) =>
    assert.rejects(opened(path, request), { code, exitCode: 2, message });
  await refused(bare(context, given), {}, "usage", /does not say of which network\. Give --model NAME/);
  mkdirSync(join(dir, "run"));
  const { path } = await new CheckpointStore(join(dir, "run"), 1).save(given);
  await refused(join(path, "weights.safetensors"), { model: "lenet5" }, "no-checkpoint", /Give its folder/);
  await refused(path, { model: "lenet5" }, "usage", /--model goes with a safetensors file/);
  await refused(bare(context, given), { model: "lenet5-1998" }, "init-weights", /does not fit lenet5-1998/);
  mkdirSync(join(dir, "empty"));
  await refused(join(dir, "empty"), {}, "no-checkpoint", /neither a run's folder/);
});
