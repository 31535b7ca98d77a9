/** Each format opened by its own software, which must give the logits that we give. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
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
import { buildModel } from "../../../src/models/registry.js";
import { layoutOf } from "../../../src/parameters/layout.js";
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

/** Weights as they begin, but biases and statistics that are not all alike. */
function snapshotOf(model: string, image: Snapshot["image"], modelOptions: Snapshot["recipe"]["modelOptions"] = {}) {
  const classNames = Array.from({ length: 10 }, (_, index) => `class ${index}`);
  const spec = buildModel(model, { input: image, classes: 10, options: modelOptions });
  const layout = layoutOf(parametersOf(spec));
  const { weights, state } = initialValues(layout, 11);
  for (const { shape, offset, size } of layout.trainable)
    if (shape.length === 1) for (let at = 0; at < size; at++) weights[offset + at]! += 0.1 * Math.sin(at + offset);
  for (let at = 0; at < state.length; at++) state[at]! += 0.2 * Math.abs(Math.sin(at));
  return testSnapshot({ recipe: testRecipe({ model, modelOptions }), image, classNames, layout, weights, state });
}

/** [model, image, whether it needs classes of ours]. */
const MODELS: readonly (readonly [string, Snapshot["image"]])[] = [
  ["lenet5", [28, 28, 1]],
  ["tiny-bn", [28, 28, 3]],
  ["vgg11-bn", [8, 8, 1]],
];

interface Opened {
  logits: number[];
  parameters: number;
}
interface Exported {
  model: string;
  parameters: number;
  expected: Float32Array;
}

/** A folder for each network: its images, its exports, and what we make of the images. */
async function exported(dir: string, [model, image]: (typeof MODELS)[number]): Promise<Exported> {
  const snapshot = snapshotOf(model, image);
  const [height, width, channels] = image;
  const pixels = Uint8Array.from({ length: COUNT * height * width * channels }, (_, index) => (index * 7919) % 251);
  mkdirSync(dir);
  writeFileSync(
    join(dir, "images.f32"),
    Float32Array.from(pixels, (value) => Math.fround(value / 255)),
  );
  await exportCheckpoint(snapshot, "tfjs", join(dir, "tfjs"));
  await exportCheckpoint(snapshot, "keras", join(dir, "model.keras"));
  return {
    model,
    parameters: snapshot.layout.size + snapshot.layout.stateSize,
    expected: await (await openClassifier(engine, snapshot)).logits(pixels),
  };
}

function assertSame(all: readonly Exported[], opened: readonly Opened[], software: string): void {
  all.forEach(({ model, parameters, expected }, at) => {
    const found = opened[at]!;
    assert.equal(found.parameters, parameters, `${model} in ${software}`);
    assert.equal(found.logits.length, expected.length);
    const largest = expected.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
    assert.ok(largest > 0.01, "the logits are of some size");
    const off = found.logits.findIndex(
      (value, index) => !(Math.abs(value - expected[index]!) <= 1e-4 * Math.max(1, largest)),
    );
    assert.equal(off, -1, `${model} in ${software}: logit ${off} is ${found.logits[off]}, expected ${expected[off]}`);
  });
}

test("stock Keras and stock tfjs open the exports and give our logits", async (context) => {
  const dir = temporaryDirectory(context);
  const dirs = MODELS.map(([model]) => join(dir, model));
  const all: Exported[] = [];
  for (const [at, each] of MODELS.entries()) all.push(await exported(dirs[at]!, each));
  const open = async (program: string, script: string) =>
    JSON.parse((await exec(program, [fixturePath(script), String(COUNT), ...dirs])).stdout) as Opened[];
  assertSame(all, await open(process.execPath, "tfjs_logits.mjs"), "tfjs");
  assertSame(all, await open(pythonWithKeras(), "keras_logits.py"), "Keras");
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
