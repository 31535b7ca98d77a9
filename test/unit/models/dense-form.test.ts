import assert from "node:assert/strict";
import { test } from "node:test";
import { denseForm } from "../../../src/models/dense-form.js";
import { parametersOf } from "../../../src/models/parameters.js";
import { buildModel } from "../../../src/models/registry.js";
import { shapesOf } from "../../../src/models/shapes.js";
import type { ModelSpec } from "../../../src/models/spec.js";
import { withoutAuxiliary } from "../../../src/models/without-auxiliary.js";
import { sizeOf } from "../../../src/parameters/layout.js";

test("vgg16's dense layers become one 7x7 and two 1x1 convolutions of the same names and sizes", () => {
  const spec = buildModel("vgg16", { input: [224, 224, 3], classes: 1000 });
  const dense = denseForm(spec, [256, 320, 3]);
  const kernels = dense.layers.flatMap((layer) =>
    layer.kind === "conv2d" && layer.name.startsWith("fc") ? [[layer.name, layer.kernel, layer.filters]] : [],
  );
  assert.deepEqual(kernels, [
    ["fc6", 7, 4096],
    ["fc7", 1, 4096],
    ["fc8", 1, 1000],
  ]);
  const sizes = (each: ModelSpec) => parametersOf(each).map(({ name, shape }) => [name, sizeOf(shape)]);
  assert.deepEqual(sizes(dense), sizes(spec));
  const shapes = shapesOf(dense);
  assert.deepEqual(shapes.get("fc8"), [2, 4, 1000]);
  assert.deepEqual(shapes.get(dense.output), [1000]);
});

test("networks and images that have no dense form are refused with the reason", () => {
  const vgg = buildModel("vgg11", { input: [224, 224, 3], classes: 10 });
  assert.throws(() => denseForm(vgg, [200, 256, 3]), {
    code: "dense",
    message: /224x224x3 or larger; these are 200x256x3/,
  });
  assert.throws(() => denseForm(vgg, [256, 256, 1]), { code: "dense" });
  const fitted = buildModel("vgg11", { input: [100, 100, 3], classes: 10 });
  assert.throws(() => denseForm(fitted, [128, 128, 3]), { code: "dense", message: /layer fit: resize/ });
  const oblong = buildModel("vgg11", { input: [64, 32, 3], classes: 10 });
  assert.throws(() => denseForm(oblong, [64, 64, 3]), { code: "dense", message: /maps of 2x1x512/ });
});

test("what only auxiliary classifiers need is left out, and every input is named", () => {
  const spec: ModelSpec = {
    name: "two-headed",
    source: "this test",
    input: [8, 8, 1],
    classes: 3,
    layers: [
      { kind: "conv2d", name: "stem", filters: 2, kernel: 3, padding: "same", bias: true },
      { kind: "globalAvgPool", name: "aux_pool" },
      { kind: "dense", name: "aux", units: 3, bias: true },
      { kind: "globalAvgPool", name: "pool", inputs: ["stem"] },
      { kind: "dense", name: "head", units: 3, bias: true },
    ],
    output: "head",
    auxiliary: [{ output: "aux", weight: 0.3 }],
  };
  const inference = withoutAuxiliary(spec);
  assert.equal(inference.auxiliary, undefined);
  assert.deepEqual(
    inference.layers.map(({ name, inputs }) => [name, inputs]),
    [
      ["stem", [""]],
      ["pool", ["stem"]],
      ["head", ["pool"]],
    ],
  );
});
