/** The layers of a model of one's own, for a person who looks at it before training. */
import type * as tfjs from "@tensorflow/tfjs";

export interface UserLayer {
  name: string;
  /** tfjs's class. */
  kind: string;
  /** Without the batch; null for a dimension that depends on the images. */
  output: readonly (number | null)[];
  /** Trainable. */
  parameters: number;
}

/** Those of nested models too, under their model's name. */
export function userLayers(
  model: tfjs.LayersModel,
  nameOf: (layer: tfjs.layers.Layer) => string,
  prefix = "",
): UserLayer[] {
  return model.layers.flatMap((layer) => {
    const name = `${prefix}${nameOf(layer)}`;
    if ((layer as unknown as { layers?: unknown }).layers)
      return userLayers(layer as unknown as tfjs.LayersModel, nameOf, `${name}/`);
    const [, ...output] = shapeOf(layer.outputShape);
    const parameters = layer.trainableWeights.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
    return [{ name, kind: layer.getClassName(), output, parameters }];
  });
}

/** The first of several outputs. */
function shapeOf(shape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
  return Array.isArray(shape[0]) ? shape[0] : (shape as tfjs.Shape);
}

function sizeOf(shape: tfjs.Shape): number {
  return shape.reduce<number>((product, dim) => product * (dim ?? 1), 1);
}
