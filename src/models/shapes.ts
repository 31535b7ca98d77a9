/** Shape inference over a network's table. Shapes are one sample's: [h, w, c] for images, [n] for vectors. */
import { UsageError } from "../errors.js";
import type { LayerSpec, ModelSpec, Padding } from "./spec.js";

export type Shape = readonly number[];

/** Output positions of a window of `kernel` at `stride` over `size`, as TensorFlow counts them. */
export function windowsOver(size: number, kernel: number, stride: number, padding: Padding): number {
  if (padding === "same") return Math.ceil(size / stride);
  const padded = padding === "valid" ? size : size + 2 * padding;
  return Math.floor((padded - kernel) / stride) + 1;
}

/** Names of the layers that feed `layer`; "" is the network's input. */
export function inputsOf(layers: readonly LayerSpec[], index: number): readonly string[] {
  return layers[index]!.inputs ?? [index === 0 ? "" : layers[index - 1]!.name];
}

/** The output shape of every layer by name; "" is the input. Throws UsageError naming the layer that cannot take its input. */
export function shapesOf(spec: ModelSpec): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>([["", spec.input]]);
  spec.layers.forEach((layer, index) => {
    const inputs = inputsOf(spec.layers, index).map((name) => {
      const shape = shapes.get(name);
      if (!shape)
        throw new RangeError(`${spec.name}: layer ${layer.name} takes ${name}, which does not come before it`);
      return shape;
    });
    const shape = outputShape(spec.name, layer, inputs);
    if (shape.some((dim) => !(dim >= 1))) {
      throw new UsageError(
        "model-input",
        `${spec.name}: an input of ${spec.input.join("x")} is too small: nothing is left of it at layer ${layer.name} (${inputs[0]!.join("x")} in). Use larger images or another network.`,
      );
    }
    shapes.set(layer.name, shape);
  });
  return shapes;
}

function outputShape(model: string, layer: LayerSpec, inputs: readonly Shape[]): Shape {
  const [first] = inputs as [Shape];
  const [height = 0, width = 0, channels = 0] = first;
  const needsImage = () => {
    if (first.length !== 3)
      throw new RangeError(`${model}: layer ${layer.name} (${layer.kind}) needs an image, received [${first}]`);
  };
  switch (layer.kind) {
    case "conv2d":
      needsImage();
      if (channels % (layer.groups ?? 1) !== 0 || layer.filters % (layer.groups ?? 1) !== 0)
        throw new RangeError(
          `${model}: layer ${layer.name}: ${layer.groups} groups must divide both ${channels} channels and ${layer.filters} filters`,
        );
      return [
        windowsOver(height, layer.kernel, layer.stride ?? 1, layer.padding),
        windowsOver(width, layer.kernel, layer.stride ?? 1, layer.padding),
        layer.filters,
      ];
    case "maxPool":
    case "avgPool":
      needsImage();
      return [
        windowsOver(height, layer.size, layer.stride, layer.padding),
        windowsOver(width, layer.size, layer.stride, layer.padding),
        channels,
      ];
    case "globalAvgPool":
      needsImage();
      return [channels];
    case "adaptiveAvgPool":
      needsImage();
      return [layer.size, layer.size, channels];
    case "flatten":
      return [first.reduce((product, dim) => product * dim, 1)];
    case "dense":
      if (first.length !== 1)
        throw new RangeError(`${model}: layer ${layer.name} (dense) needs a vector, received [${first}]`);
      return [layer.units];
    case "padTo":
    case "resize":
    case "resizeWithPad":
      needsImage();
      return [layer.height, layer.width, channels];
    case "add":
      for (const other of inputs) {
        if (other.join() !== first.join())
          throw new RangeError(`${model}: layer ${layer.name} adds [${first}] and [${other}]`);
      }
      return first;
    case "concat":
      return [height, width, inputs.reduce((sum, shape) => sum + shape[2]!, 0)];
    case "subsample":
      needsImage();
      return [Math.floor(height / layer.size), Math.floor(width / layer.size), channels];
    case "rbf":
      return [layer.codes.length];
    case "paddedShortcut":
      needsImage();
      return [Math.ceil(height / layer.stride), Math.ceil(width / layer.stride), layer.channels];
    case "activation":
    case "batchNorm":
    case "dropout":
    case "affine":
    case "lrn":
      return first;
  }
}
