import type { ImageShape, LayerSpec, ModelSpec } from "./spec.js";

/**
 * LeNet-5 (LeCun, Bottou, Bengio & Haffner 1998, section II.B) as it is built today: full C3, max pooling, ReLU, softmax.
 * Images of 28x28 are padded to 32x32, others resized.
 */
export function lenet5(input: ImageShape, classes: number): ModelSpec {
  const [height, width] = input;
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
  const dense = (name: string, units: number): LayerSpec => ({
    kind: "dense",
    name,
    units,
    bias: true,
    activation: "relu",
  });
  const fit: LayerSpec[] =
    height === 32 && width === 32
      ? []
      : [{ kind: height <= 32 && width <= 32 ? "padTo" : "resize", name: "fit", height: 32, width: 32 }];
  return {
    name: "lenet5",
    source: "LeCun et al. 1998, section II.B",
    input,
    classes,
    layers: [
      ...fit,
      conv("c1", 6),
      pool("s2"),
      conv("c3", 16),
      pool("s4"),
      { kind: "flatten", name: "flatten" },
      dense("c5", 120),
      dense("f6", 84),
      { kind: "dense", name: "output", units: classes, bias: true },
    ],
    output: "output",
  };
}
