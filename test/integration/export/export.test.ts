/** Each format opened by its own software, which must give the logits that we give. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import type { Snapshot } from "../../../src/checkpoint/snapshot.js";
import type { Engine } from "../../../src/engine/engine.js";
import { openClassifier } from "../../../src/evaluation/classifier.js";
import { exportCheckpoint } from "../../../src/export/export.js";
import { encodeHdf5, type Hdf5Node } from "../../../src/export/hdf5.js";
import { initialValues } from "../../../src/models/init.js";
import { parametersOf } from "../../../src/models/parameters.js";
import { buildModel, type ModelOptions } from "../../../src/models/registry.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { deriveKey, normals } from "../../../src/random.js";
import { fixturePath } from "../../support/fixtures.js";
import { pythonWithKeras, pythonWithSafetensors } from "../../support/python.js";
import { testRecipe } from "../../support/recipe.js";
import { testSnapshot } from "../../support/snapshot.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { openTestEngine } from "../../support/tensorflow.js";

const COUNT = 2;
const exec = promisify(execFile);

let engine: Engine;
before(async () => {
  engine = await openTestEngine();
});
after(() => engine.close());

/** Weights by He's rule in every network, so that logits depend on the images; no bias or statistic is like another. */
function snapshotOf(model: string, image: Snapshot["image"], modelOptions: ModelOptions = {}, normalized = false) {
  const classNames = Array.from({ length: 10 }, (_, index) => `class ${index}`);
  const spec = buildModel(model, { input: image, classes: 10, options: modelOptions });
  const layout = layoutOf(parametersOf(spec));
  const { weights, state } = initialValues(layout, 11);
  for (const { name, shape, offset, size } of layout.trainable) {
    const drawn = normals(deriveKey(11, "test", name), size, 0);
    const scale = shape.length > 1 ? Math.sqrt(2 / (size / shape.at(-1)!)) : 0.1;
    const base = shape.length > 1 ? 0 : 1;
    for (let at = 0; at < size; at++) weights[offset + at] = base * weights[offset + at]! + scale * drawn[at]!;
  }
  for (let at = 0; at < state.length; at++) state[at]! += 0.2 * Math.abs(Math.sin(at));
  const normalization = normalized ? "channel" : "none";
  const recipe = testRecipe({ model, modelOptions: { ...modelOptions }, normalization });
  const pixelStatistics = { mean: [0.4, 0.5, 0.3], deviation: [0.2, 0.3, 0.25], principal: null };
  return testSnapshot({ recipe, image, classNames, pixelStatistics, layout, weights, state });
}

interface Case {
  model: string;
  image: Snapshot["image"];
  options?: ModelOptions;
  normalized?: true;
}
const MODELS: readonly Case[] = [
  { model: "lenet5", image: [28, 28, 1] },
  { model: "tiny-bn", image: [28, 28, 3] },
  { model: "vgg11-bn", image: [8, 8, 1] },
];
/** Every kind of layer, narrow; what has no stock layer is put together differently for Keras and for tfjs. */
const KINDS: readonly Case[] = [
  { model: "lenet5-1998", image: [28, 28, 1] },
  { model: "alexnet", image: [28, 20, 1], options: { width: 0.125 } },
  { model: "googlenet", image: [80, 70, 3], options: { width: 0.125 } },
  { model: "googlenet-bn", image: [16, 16, 3], options: { width: 0.125 } },
  { model: "googlenet-bn", image: [16, 16, 3], options: { width: 0.125, transformInput: true }, normalized: true },
  { model: "resnet50", image: [16, 16, 3], options: { width: 0.125 } },
  { model: "resnet18", image: [80, 80, 3], options: { width: 0.125 }, normalized: true },
  { model: "resnet18-v2", image: [16, 16, 3], options: { width: 0.125 } },
  { model: "resnet20", image: [16, 16, 3], normalized: true },
];

interface Opened {
  logits: number[];
  parameters: number;
}

/** A folder for each network: its images, as bytes and as files, and its exports. */
async function exported(dir: string, { model, image, options, normalized }: Case) {
  const snapshot = snapshotOf(model, image, options, normalized);
  const [height, width, channels] = image;
  const pixels = Uint8Array.from({ length: COUNT * height * width * channels }, (_, index) => (index * 7919) % 251);
  mkdirSync(dir);
  writeFileSync(
    join(dir, "images.f32"),
    Float32Array.from(pixels, (value) => Math.fround(value / 255)),
  );
  await exportCheckpoint(snapshot, "tfjs", join(dir, "tfjs"));
  await exportCheckpoint(snapshot, "keras", join(dir, "model.keras"));
  return { model, dir, snapshot, pixels };
}

function assertClose(found: readonly number[], expected: ArrayLike<number>, what: string): void {
  const values = Array.from(expected);
  assert.equal(found.length, values.length, what);
  const largest = Math.max(...values.map(Math.abs));
  assert.ok(
    largest > 0.01 && new Set(values).size === values.length,
    `${what}: the logits are of some size, and differ`,
  );
  const off = found.findIndex((value, at) => !(Math.abs(value - values[at]!) <= 1e-4 * Math.max(1, largest)));
  assert.equal(off, -1, `${what}: logit ${off} is ${found[off]}, expected ${values[off]}`);
}

test("Keras and tfjs open the exports and give our logits, and each other's for every kind of layer", async (context) => {
  const root = temporaryDirectory(context);
  const all = await Promise.all(
    [...MODELS, ...KINDS].map((each, at) => exported(join(root, `${at}-${each.model}`), each)),
  );
  const open = async (program: string, script: string) =>
    JSON.parse(
      (await exec(program, [fixturePath(script), String(COUNT), ...all.map(({ dir }) => dir)])).stdout,
    ) as Opened[];
  const [inTfjs, inKeras] = await Promise.all([
    open(process.execPath, "tfjs_logits.mjs"),
    open(pythonWithKeras(), "keras_logits.py"),
  ]);
  for (const [at, { model, snapshot, pixels, dir }] of all.entries()) {
    assertClose(inTfjs[at]!.logits, inKeras[at]!.logits, `${model}: tfjs against Keras`);
    const expected = await (await openClassifier(engine, snapshot)).logits(pixels);
    assertClose(inKeras[at]!.logits, expected, `${model}: Keras against us`);
    if (at >= MODELS.length) continue; // these are put together from other layers than ours
    const parameters = snapshot.layout.parameters + snapshot.layout.stateSize;
    assert.deepEqual([inTfjs[at]!.parameters, inKeras[at]!.parameters], [parameters, parameters]);
    assert.ok(!existsSync(join(dir, "tfjs", "layers.mjs")) && !existsSync(join(dir, "cnn_dist_layers.py")), model);
  }
});

test("h5py reads a group of a thousand arrays, and each array as it is", async (context) => {
  const path = join(temporaryDirectory(context), "large.h5");
  const member = (index: number): [string, Hdf5Node] => [
    `array_${index}_ä`,
    {
      kind: "array",
      shape: [2, 1 + (index % 3)],
      data: Float32Array.from({ length: 2 * (1 + (index % 3)) }, (_, at) => index + at / 4),
    },
  ];
  const members = new Map(Array.from({ length: 1000 }, (_, index) => member(index)));
  const root = { kind: "group", members: new Map([["inner", { kind: "group", members } as const]]) } as const;
  writeFileSync(path, Buffer.concat(encodeHdf5(root)));
  const script = `import h5py, json, sys
inner = h5py.File(sys.argv[1], "r")["inner"]
print(json.dumps([[name, list(inner[name].shape), str(inner[name].dtype), inner[name][()].ravel().tolist()] for name in inner]))`;
  const read = JSON.parse((await exec(pythonWithKeras(), ["-c", script, path])).stdout) as [
    string,
    number[],
    string,
    number[],
  ][];
  const expected = [...members].map(([name, node]) => {
    assert.ok(node.kind === "array");
    return [name, node.shape, "float32", [...node.data]];
  });
  const byName = (a: unknown[], b: unknown[]) => (String(a[0]) < String(b[0]) ? -1 : 1);
  assert.deepEqual(read.sort(byName), expected.sort(byName));
});

test("Python's safetensors reads the metadata", async (context) => {
  const path = join(temporaryDirectory(context), "out.safetensors");
  await exportCheckpoint(snapshotOf("lenet5", [28, 28, 1]), "safetensors", path);
  const script = `import json, sys
from safetensors import safe_open
with safe_open(sys.argv[1], framework="np") as file:
    print(json.dumps([file.metadata(), file.get_tensor("c1/kernel").shape]))`;
  const [facts, shape] = JSON.parse((await exec(pythonWithSafetensors(), ["-c", script, path])).stdout) as [
    Record<string, string>,
    number[],
  ];
  assert.equal(facts.model, "lenet5");
  assert.equal((JSON.parse(facts.class_names!) as string[])[9], "class 9");
  assert.deepEqual(shape, [5, 5, 1, 6]);
});
