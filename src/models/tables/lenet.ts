import type { Activation, ImageShape, InitRule, LayerSpec, ModelSpec } from "../spec.js";
import { codesFor } from "./digits.js";
import { type Entries, fitTo, hidden } from "./entry.js";

const PAPER = "LeCun et al. 1998";

export const LENET: Entries = {
  lenet5: {
    about: `${PAPER}, as it is built today`,
    natural: { input: [32, 32, 1], classes: 10 },
    options: {},
    build: lenet5,
  },
  "lenet5-1998": {
    about: `${PAPER}, as it was: sparse C3, trainable subsampling, RBF output`,
    natural: { input: [32, 32, 1], classes: 10 },
    options: {
      f6: { kind: "choice", initial: "scaledTanh", choices: ["scaledTanh", "sigmoid"], about: "squashing of F6" },
      j: { kind: "number", initial: 0.1, least: 0, below: 100, about: "the constant j of the loss, equation 9" },
    },
    build: (input, classes, { f6, j }) => lenet1998(input, classes, { f6: f6 as Activation, j: Number(j) }),
  },
};

/** Up to 32x32 padded, others resized. */
function fit32(input: ImageShape): LayerSpec[] {
  return fitTo(input, 32, input[0] <= 32 && input[1] <= 32 ? "padTo" : "resize");
}

/** Section II.B as it is built today: full C3, max pooling, ReLU, softmax. */
function lenet5(input: ImageShape, classes: number): ModelSpec {
  const conv = (name: string, filters: number): LayerSpec => ({
    kind: "conv2d",
    name,
    filters,
    kernel: 5,
    padding: "valid",
    bias: true,
    activation: "relu",
  });
  const pool = (name: string): LayerSpec => ({ kind: "maxPool", name, size: 2, stride: 2, padding: "valid" });
  return {
    name: "lenet5",
    source: `${PAPER}, section II.B`,
    input,
    classes,
    layers: [
      ...fit32(input),
      conv("c1", 6),
      pool("s2"),
      conv("c3", 16),
      pool("s4"),
      { kind: "flatten", name: "flatten" },
      hidden("c5", 120),
      hidden("f6", 84),
      { kind: "dense", name: "output", units: classes, bias: true },
    ],
    output: "output",
  };
}

/** Table I: which maps of S2 each map of C3 sees. */
const C3 = [
  [0, 1, 2],
  [1, 2, 3],
  [2, 3, 4],
  [3, 4, 5],
  [4, 5, 0],
  [5, 0, 1],
  [0, 1, 2, 3],
  [1, 2, 3, 4],
  [2, 3, 4, 5],
  [3, 4, 5, 0],
  [4, 5, 0, 1],
  [5, 0, 1, 2],
  [0, 1, 3, 4],
  [1, 2, 4, 5],
  [0, 2, 3, 5],
  [0, 1, 2, 3, 4, 5],
].map((maps) => maps.toSorted((a, b) => a - b));

/** Section II.B with appendix A's squashing and initial values; paper becomes -0.1 and ink 1.175 (section II.B). */
function lenet1998(input: ImageShape, classes: number, { f6, j }: { f6: Activation; j: number }): ModelSpec {
  const kernelInit: InitRule = { kind: "lecunUniform" };
  const squash = (name: string, activation: Activation = "scaledTanh"): LayerSpec => ({
    kind: "activation",
    name: `${name}_squash`,
    activation,
  });
  const conv = (name: string, filters: number, connections?: readonly (readonly number[])[]): LayerSpec[] => [
    {
      kind: "conv2d",
      name,
      filters,
      kernel: 5,
      padding: "valid",
      bias: true,
      kernelInit,
      ...(connections ? { connections } : {}),
    },
    squash(name),
  ];
  const subsample = (name: string): LayerSpec[] => [{ kind: "subsample", name, size: 2 }, squash(name)];
  return {
    name: "lenet5-1998",
    source: `${PAPER}, section II.B and appendix A`,
    input,
    classes,
    layers: [
      ...fit32(input),
      { kind: "affine", name: "ink", multiply: 1.275, add: -0.1 },
      ...conv("c1", 6),
      ...subsample("s2"),
      ...conv("c3", 16, C3),
      ...subsample("s4"),
      ...conv("c5", 120),
      { kind: "flatten", name: "flatten" },
      { kind: "dense", name: "f6", units: 84, bias: true, kernelInit },
      squash("f6", f6),
      { kind: "rbf", name: "output", codes: codesFor(classes) },
    ],
    output: "output",
    loss: { kind: "rubbishClass", logit: -j },
  };
}
