import type { ImageShape, InitRule, LayerSpec, ModelSpec } from "./spec.js";

/** A small network with batch normalisation and dropout: for a first look, and for tests of both. */
export function tinyBn(input: ImageShape, classes: number, dropout: number): ModelSpec {
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
