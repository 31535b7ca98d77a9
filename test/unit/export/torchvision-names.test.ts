import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readWeightsFile } from "../../../src/checkpoint/weights-file.js";
import { exportCheckpoint } from "../../../src/export/export.js";
import { otherThanTorchvision } from "../../../src/export/torchvision-names.js";
import { initialValues } from "../../../src/models/init.js";
import { parametersOf } from "../../../src/models/parameters.js";
import { buildModel, type ModelOptions } from "../../../src/models/registry.js";
import type { ImageShape } from "../../../src/models/spec.js";
import { warmStart } from "../../../src/models/warm-start.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { readFixture } from "../../support/fixtures.js";
import { testRecipe } from "../../support/recipe.js";
import { testSnapshot } from "../../support/snapshot.js";
import { temporaryDirectory } from "../../support/temporary.js";
import type { StateDictFixture } from "../../support/torchvision.js";

const LARGE: ImageShape = [80, 80, 3];

function snapshotOf(model: string, options: ModelOptions, image = LARGE) {
  const spec = buildModel(model, { input: image, classes: 2, options });
  const layout = layoutOf(parametersOf(spec));
  const recipe = { ...testRecipe(), model: { kind: "table", name: model, options } as const };
  return { spec, layout, snapshot: testSnapshot({ recipe, image, layout, ...initialValues(layout, 5), slots: {} }) };
}

for (const model of ["alexnet-owt", "vgg11-bn", "resnet50", "googlenet-bn"])
  test(`${model} under torchvision's names loads again, bit for bit`, async (context) => {
    const { spec, layout, snapshot } = snapshotOf(model, { width: 1 / 16 });
    const path = join(temporaryDirectory(context), "out.safetensors");
    await exportCheckpoint(snapshot, "safetensors", path, "torchvision");
    const { tensors, metadata } = await readWeightsFile(path);
    assert.deepEqual(metadata.model_options, { width: 1 / 16 });
    const values = { weights: new Float32Array(layout.size), state: new Float32Array(layout.stateSize) };
    const { names, loaded, total } = warmStart(spec, layout, values, { called: path, tensors }, "whole");
    assert.deepEqual([names, loaded], ["torchvision", total]);
    assert.deepEqual(values, { weights: snapshot.weights, state: snapshot.state });
    const length = Number(readFileSync(path).readBigUInt64LE(0));
    const header = JSON.parse(
      readFileSync(path)
        .subarray(8, 8 + length)
        .toString(),
    ) as {
      __metadata__: Record<string, string>;
    };
    assert.equal(header.__metadata__.format, "pt");
  });

test("names and shapes are those of torchvision's state dict", async (context) => {
  const image: ImageShape = [224, 224, 3];
  const { snapshot } = snapshotOf("resnet18", {}, image);
  const path = join(temporaryDirectory(context), "out.safetensors");
  const { notes } = await exportCheckpoint(snapshot, "safetensors", path, "torchvision");
  assert.deepEqual(notes, []);
  const { shapes } = readFixture<Record<string, StateDictFixture>>("torchvision.json").resnet18!;
  const { tensors } = await readWeightsFile(path);
  const ofTwoClasses = { ...shapes, "fc.weight": [2, 512], "fc.bias": [2] };
  assert.deepEqual(Object.fromEntries(tensors.map(({ name, shape }) => [name, [...shape]])), ofTwoClasses);
});

test("where torchvision's own network does not take the file, the export says what is otherwise", async (context) => {
  const { snapshot } = snapshotOf("resnet18", { width: 1 / 8 }, [32, 32, 3]);
  const path = join(temporaryDirectory(context), "out.safetensors");
  const { notes } = await exportCheckpoint(snapshot, "safetensors", path, "torchvision");
  assert.match(notes[0]!, /conv1\.weight \[8,3,3,3\] \(torchvision's is \[64,3,7,7\]\).*images of 32x32x3/);
  assert.deepEqual(otherThanTorchvision(buildModel("vgg13", { input: [256, 256, 3], classes: 7 })), []);
});

test("a network that torchvision does not have, and a format that has names of its own, are refused", async (context) => {
  const path = join(temporaryDirectory(context), "out");
  const { snapshot } = snapshotOf("lenet5", {}, [28, 28, 1]);
  await assert.rejects(exportCheckpoint(snapshot, "safetensors", path, "torchvision"), {
    code: "export",
    exitCode: 2,
    message: /torchvision has no lenet5/,
  });
  await assert.rejects(exportCheckpoint(snapshot, "tfjs", path, "torchvision"), {
    code: "export",
    message: /--format/,
  });
});
