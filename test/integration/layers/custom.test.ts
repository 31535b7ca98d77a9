import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine } from "../../../src/engine/engine.js";
import { type CustomLayers, customLayers } from "../../../src/layers/custom/index.js";
import { checkGradient, wavy } from "../../support/gradient.js";
import { openTestEngine } from "../../support/tensorflow.js";

let engine: Engine;
let custom: CustomLayers;
before(async () => {
  engine = await openTestEngine();
  custom = customLayers(engine);
});
after(() => engine.close());

interface Case {
  kind: keyof CustomLayers;
  what?: string;
  make: (custom: CustomLayers) => tfjs.layers.Layer;
  shape: number[];
  /** Shape of what comes out; as `shape` if it is left out. */
  gives?: number[];
}

const convolution = { filters: 4, kernelSize: 3, strides: 1, useBias: true, groups: 1, activation: "linear" } as const;
const grouped = { ...convolution, groups: 2, padding: "same", connections: null } as const;
const padded = { ...convolution, strides: 2, padding: 1, connections: null } as const;
const connections = [[0, 1], [1, 2, 3], [0, 1, 2, 3], [2]];
const chosen = { ...convolution, padding: "valid", connections } as const;
const IMAGES = [2, 4, 4, 4];

const CASES: readonly Case[] = [
  { kind: "batchNormalization", make: (of) => of.batchNormalization({ epsilon: 1e-3, momentum: 0.9 }), shape: IMAGES },
  {
    kind: "batchNormalization",
    what: "of vectors, without scale",
    make: (of) => of.batchNormalization({ scale: false }),
    shape: [6, 5],
  },
  { kind: "dropout", make: (of) => of.dropout({ rate: 0.4 }), shape: IMAGES },
  { kind: "padTo", make: (of) => of.padTo({ height: 7, width: 5 }), shape: IMAGES, gives: [2, 7, 5, 4] },
  {
    kind: "resize",
    make: (of) => of.resize({ height: 7, width: 3, keepAspect: false }),
    shape: IMAGES,
    gives: [2, 7, 3, 4],
  },
  {
    kind: "resize",
    what: "with the aspect kept",
    make: (of) => of.resize({ height: 8, width: 6, keepAspect: true }),
    shape: IMAGES,
    gives: [2, 8, 6, 4],
  },
  { kind: "convolution", what: "in groups", make: (of) => of.convolution(grouped), shape: IMAGES },
  {
    kind: "convolution",
    what: "with strides over zeros",
    make: (of) => of.convolution(padded),
    shape: IMAGES,
    gives: [2, 2, 2, 4],
  },
  {
    kind: "convolution",
    what: "with chosen connections",
    make: (of) => of.convolution(chosen),
    shape: IMAGES,
    gives: [2, 2, 2, 4],
  },
  {
    kind: "paddedPool",
    what: "of maxima",
    make: (of) => of.paddedPool({ pooling: "max", size: 3, stride: 2, padding: 1 }),
    shape: IMAGES,
    gives: [2, 2, 2, 4],
  },
  {
    kind: "paddedPool",
    what: "of averages",
    make: (of) => of.paddedPool({ pooling: "average", size: 3, stride: 2, padding: 1 }),
    shape: IMAGES,
    gives: [2, 2, 2, 4],
  },
  { kind: "lrn", make: (of) => of.lrn({ size: 5, k: 2, alpha: 0.3, beta: 0.75 }), shape: [2, 2, 2, 7] },
  { kind: "subsample", make: (of) => of.subsample({ size: 2 }), shape: IMAGES, gives: [2, 2, 2, 4] },
  {
    kind: "rbf",
    make: (of) => of.rbf({ codes: Array.from({ length: 3 }, (_, code) => [...wavy(5, code)]) }),
    shape: [4, 5],
    gives: [4, 3],
  },
  {
    kind: "paddedShortcut",
    make: (of) => of.paddedShortcut({ stride: 2, channels: 7 }),
    shape: IMAGES,
    gives: [2, 2, 2, 7],
  },
  { kind: "affine", make: (of) => of.affine({ multiply: 0.7, add: -0.1 }), shape: IMAGES },
  {
    kind: "affine",
    what: "with numbers of each channel",
    make: (of) => of.affine({ multiply: [0.7, -0.2, 1.5, 3], add: [0.1, 0, -0.4, 0.2] }),
    shape: IMAGES,
  },
  {
    kind: "adaptivePool",
    what: "to windows that overlap",
    make: (of) => of.adaptivePool({ size: 3 }),
    shape: IMAGES,
    gives: [2, 3, 3, 4],
  },
  {
    kind: "adaptivePool",
    what: "to more windows than pixels",
    make: (of) => of.adaptivePool({ size: 5 }),
    shape: IMAGES,
    gives: [2, 5, 5, 4],
  },
  { kind: "squash", what: "by tanh", make: (of) => of.squash({ squashing: "scaledTanh" }), shape: IMAGES },
  { kind: "squash", what: "by a sigmoid", make: (of) => of.squash({ squashing: "logSigmoid" }), shape: IMAGES },
];

/** What tfjs's models hold as their weights. */
interface LayerVariable {
  name: string;
  trainable: boolean;
  val: tfjs.Variable;
  read(): tfjs.Tensor;
}

/** A model of the layer alone, with weights of no order and positive variances. */
function modelOf({ make, shape }: Case): tfjs.LayersModel {
  const { tf } = engine;
  const input = tf.input({ shape: shape.slice(1) });
  const model = tf.model({ inputs: input, outputs: make(custom).apply(input) as tfjs.SymbolicTensor });
  for (const [index, { val, name }] of (model.weights as unknown as LayerVariable[]).entries()) {
    const stirred = tf.tensor(wavy(val.size, 20 + index), val.shape);
    val.assign(name.includes("variance") ? tf.abs(stirred) : stirred);
  }
  return model;
}

/** As a worker calls a network; a training step's noise is the same each time. */
const apply = (model: tfjs.LayersModel, x: tfjs.Tensor, training: boolean) =>
  model.apply(x, { training, seed: engine.tf.tensor1d([3, 4], "int32") } as never) as tfjs.Tensor;

const sizeOf = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);

/** A maximum's gradient is that of the differences only where no two candidates are within a difference of each other. */
const points = (size: number) =>
  Float32Array.from({ length: size }, (_, index) => (((index * 37) % size) - size / 2) * (2 / size) * 1.5);

for (const each of CASES) {
  const { kind, what, shape, gives = shape } = each;
  const called = what ? `${kind} ${what}` : kind;

  test(`${called}: its gradients are those of finite differences, and its shape is the one that it announces`, () => {
    const { tf } = engine;
    const model = modelOf(each);
    const x = points(sizeOf(shape));
    assert.deepEqual(apply(model, tf.tensor(x, shape), true).shape, gives);
    assert.deepEqual((model.outputs[0]!.shape as number[]).slice(1), gives.slice(1));
    checkGradient(tf, (point) => apply(model, point, true), { x, shape, tolerance: 3e-3 });
    for (const weight of model.weights as unknown as LayerVariable[]) {
      if (!weight.trainable) continue;
      const given = weight.val.dataSync().slice() as Float32Array;
      const { read } = weight;
      const withValue = (point: tfjs.Tensor) => {
        weight.read = () => point;
        const y = apply(model, tf.tensor(x, shape), true);
        weight.read = read;
        return y;
      };
      checkGradient(tf, withValue, { x: given, shape: weight.val.shape, what: weight.name, tolerance: 3e-3 });
    }
  });

  test(`${called}: saved as a tfjs model and loaded, it is the same layer`, async () => {
    const { tf } = engine;
    const model = modelOf(each);
    const saved: { artifacts?: tfjs.io.ModelArtifacts } = {};
    await model.save(
      tf.io.withSaveHandler(async (artifacts) => {
        saved.artifacts = artifacts;
        return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
      }),
    );
    const text = JSON.parse(JSON.stringify(saved.artifacts!.modelTopology)) as object;
    const loaded = await tf.loadLayersModel(tf.io.fromMemory({ ...saved.artifacts!, modelTopology: text }));
    assert.deepEqual(loaded.layers[1]!.getConfig(), model.layers[1]!.getConfig());
    const x = tf.tensor(points(sizeOf(shape)), shape);
    for (const training of [false, true]) {
      const [expected, received] = [apply(model, x, training), apply(loaded, x, training)].map((y) => [
        ...y.dataSync(),
      ]);
      assert.deepEqual(received, expected);
      assert.ok(new Set(expected).size > 1);
    }
  });
}

test("every layer of ours is among those that are tested here", () => {
  assert.deepEqual(new Set(CASES.map(({ kind }) => kind)), new Set(Object.keys(custom)));
});
