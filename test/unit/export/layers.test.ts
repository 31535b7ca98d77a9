/** What each kind of layer becomes; that the logits are the same is tested with the software itself. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { exportGraph } from "../../../src/export/build-graph.js";
import type { Dialect } from "../../../src/export/graph.js";
import { parametersOf } from "../../../src/models/parameters.js";
import type { ImageShape, LayerSpec, ModelSpec } from "../../../src/models/spec.js";
import { sizeOf } from "../../../src/parameters/layout.js";

const counting = (size: number) => Float32Array.from({ length: size }, (_, index) => index + 1);

function graphOf(layers: readonly LayerSpec[], dialect: Dialect, input: ImageShape = [6, 6, 4]) {
  const spec: ModelSpec = {
    name: "one",
    source: "this test",
    input,
    classes: 2,
    layers,
    output: layers.at(-1)!.name,
  };
  const sizes = new Map(parametersOf(spec).map(({ name, shape }) => [name, sizeOf(shape)]));
  return exportGraph(spec, (name) => counting(sizes.get(name)!), dialect);
}
const classesOf = (layers: readonly LayerSpec[], dialect: Dialect, input?: ImageShape) =>
  graphOf(layers, dialect, input).layers.map(({ className }) => className);

const conv = { kind: "conv2d", name: "conv", filters: 4, kernel: 3, padding: "same", bias: false } as const;

test("a grouped convolution is Keras's own, and in tfjs one with zeros between the groups", () => {
  const layers: LayerSpec[] = [{ ...conv, kernel: 1, groups: 2 }];
  const [native] = graphOf(layers, "keras").layers;
  assert.equal(native!.config.groups, 2);
  assert.deepEqual(native!.weights[0]!.shape, [1, 1, 2, 4]);
  const [whole] = graphOf(layers, "tfjs").layers;
  assert.equal("groups" in whole!.config, false);
  assert.deepEqual([...whole!.weights[0]!.data], [1, 2, 0, 0, 5, 6, 0, 0, 0, 0, 3, 4, 0, 0, 7, 8]);
});

test("sparse connections become zeros of a whole kernel", () => {
  const layers: LayerSpec[] = [{ ...conv, filters: 2, kernel: 1, connections: [[0, 3], [1]] }];
  const [whole] = graphOf(layers, "keras").layers;
  assert.deepEqual(whole!.weights[0]!.shape, [1, 1, 4, 2]);
  assert.deepEqual([...whole!.weights[0]!.data], [1, 0, 0, 3, 0, 0, 2, 0]);
});

test("zeros around an image are a layer of their own; before a maximum only where nothing is negative", () => {
  const pool: LayerSpec = { kind: "maxPool", name: "pool", size: 3, stride: 2, padding: 1 };
  assert.deepEqual(classesOf([{ ...conv, padding: 1, activation: "relu" }, pool], "tfjs"), [
    "ZeroPadding2D",
    "Conv2D",
    "Activation",
    "ZeroPadding2D",
    "MaxPooling2D",
  ]);
  assert.throws(() => graphOf([conv, pool], "keras"), { code: "export", exitCode: 2, message: /layer pool/ });
});

test("a layer of several parts hands its name to the last, and every name is new", () => {
  const { layers, output } = graphOf(
    [
      { ...conv, padding: 1, activation: "scaledTanh" },
      { kind: "flatten", name: "flat" },
    ],
    "keras",
  );
  const names = layers.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.equal(names.at(-2), "conv");
  assert.deepEqual(layers.at(-1)!.inputs, ["conv"]);
  assert.equal(output, "flat");
});

test("only what neither knows needs classes of ours", () => {
  const lrn: LayerSpec = { kind: "lrn", name: "norm", size: 5, k: 2, alpha: 1e-4, beta: 0.75 };
  const resize: LayerSpec = { kind: "resizeWithPad", name: "fit", height: 9, width: 12 };
  assert.deepEqual(graphOf([lrn, resize], "keras").custom, ["LRN"]);
  assert.deepEqual(graphOf([lrn, resize], "tfjs").custom, ["LRN", "Resize"]);
  assert.deepEqual(
    graphOf([resize], "keras").layers.map(({ config }) => config),
    [
      { height: 9, width: 9, interpolation: "bilinear" },
      {
        padding: [
          [0, 0],
          [1, 2],
        ],
      },
    ],
  );
});

test("radial basis functions are two dense layers of constants", () => {
  const codes = [
    [1, -1],
    [1, 1],
    [-1, -1],
  ];
  const { layers } = graphOf(
    [
      { kind: "globalAvgPool", name: "pool" },
      { kind: "rbf", name: "rbf", codes },
    ],
    "tfjs",
    [6, 6, 2],
  );
  const [, product, , , norm, sum] = layers;
  assert.deepEqual([...product!.weights[0]!.data], [2, 2, -2, -2, 2, -2]);
  assert.deepEqual([...product!.weights[1]!.data], [-2, -2, -2]);
  assert.deepEqual([...norm!.weights[0]!.data], [-1, -1, -1, -1, -1, -1]);
  assert.deepEqual([sum!.className, sum!.name], ["Add", "rbf"]);
});

test("a sigmoid's logarithm is a softplus between two changes of sign", () => {
  const { layers } = graphOf([{ kind: "activation", name: "act", activation: "logSigmoid" }], "keras");
  assert.deepEqual(
    layers.map(({ config }) => config),
    [{ scale: -1, offset: 0 }, { activation: "softplus" }, { scale: -1, offset: 0 }],
  );
});
