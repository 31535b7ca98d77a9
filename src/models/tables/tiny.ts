import type { ImageShape, InitRule, LayerSpec, ModelSpec } from "../spec.js";
import { dropoutOption, type Entries } from "./entry.js";

export const TINY: Entries = {
  "tiny-bn": {
    about: "small, with batch normalisation and dropout",
    natural: { input: [28, 28, 1], classes: 10 },
    options: { dropout: dropoutOption(0.25, "before the dense layer") },
    build: (input, classes, { dropout }) => tinyBn(input, classes, Number(dropout)),
  },
};

/** A small network with batch normalisation and dropout: for a first look, and for tests of both. */
function tinyBn(input: ImageShape, classes: number, dropout: number): ModelSpec {
  const he: InitRule = { kind: "heNormal" };
  const block = (index: number, filters: number): LayerSpec[] => [
    { kind: "conv2d", name: `conv${index}`, filters, kernel: 3, padding: "same", bias: false, kernelInit: he },
    { kind: "batchNorm", name: `bn${index}`, epsilon: 1e-5, momentum: 0.9 },
    { kind: "activation", name: `relu${index}`, activation: "relu" },
    { kind: "maxPool", name: `pool${index}`, size: 2, stride: 2, padding: "same" },
  ];
  return {
    name: "tiny-bn",
    source: "this project",
    input,
    classes,
    layers: [
      ...block(1, 8),
      ...block(2, 16),
      { kind: "flatten", name: "flatten" },
      { kind: "dropout", name: "drop", rate: dropout },
      { kind: "dense", name: "output", units: classes, bias: true, kernelInit: he },
    ],
    output: "output",
  };
}
