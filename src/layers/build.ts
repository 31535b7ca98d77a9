/** From a network's table to a tf.LayersModel whose variables are named as the table's parameters are. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine } from "../engine/engine.js";
import { CnnDistError } from "../errors.js";
import { parametersOf } from "../models/parameters.js";
import { inputsOf } from "../models/shapes.js";
import type { Activation, LayerSpec, ModelSpec } from "../models/spec.js";
import { type CustomLayers, customLayers } from "./custom.js";
import { type Network, networkOf } from "./network.js";

/** Variables start as zeros: weights come from the coordinator. */
export function buildNetwork(engine: Engine, spec: ModelSpec): Network {
  const { tf } = engine;
  const custom = customLayers(engine);
  const input = tf.input({ shape: [...spec.input] });
  const tensors = new Map<string, tfjs.SymbolicTensor>([["", input]]);
  spec.layers.forEach((layer, index) => {
    const inputs = inputsOf(spec.layers, index).map((name) => tensors.get(name)!);
    const built = layerOf(engine, custom, layer);
    tensors.set(layer.name, built.apply(inputs.length === 1 ? inputs[0]! : inputs) as tfjs.SymbolicTensor);
  });
  const model = tf.model({ inputs: input, outputs: tensors.get(spec.output)! });
  return networkOf(model, parametersOf(spec));
}

const KERAS_ACTIVATION: Partial<Record<Activation, string>> = {
  relu: "relu",
  tanh: "tanh",
  sigmoid: "sigmoid",
};

function layerOf({ tf }: Engine, custom: CustomLayers, layer: LayerSpec): tfjs.layers.Layer {
  const { name } = layer;
  const zeros = { kernelInitializer: "zeros", biasInitializer: "zeros" } as const;
  const unsupported = (what: string) => new CnnDistError("model", `layer ${name}: ${what} cannot be built yet`);
  const activation = (kind: Activation | undefined) => {
    if (kind === undefined) return {};
    const known = KERAS_ACTIVATION[kind];
    if (!known) throw unsupported(`activation ${kind}`);
    return { activation: known as "relu" };
  };
  const padding = (value: number | "same" | "valid") => {
    if (typeof value === "number") throw unsupported("numeric padding");
    return value;
  };
  switch (layer.kind) {
    case "conv2d":
      if ((layer.groups ?? 1) !== 1) throw unsupported("a grouped convolution");
      return tf.layers.conv2d({
        name,
        filters: layer.filters,
        kernelSize: layer.kernel,
        strides: layer.stride ?? 1,
        padding: padding(layer.padding),
        useBias: layer.bias,
        ...zeros,
        ...activation(layer.activation),
      });
    case "dense":
      return tf.layers.dense({
        name,
        units: layer.units,
        useBias: layer.bias,
        ...zeros,
        ...activation(layer.activation),
      });
    case "maxPool":
      return tf.layers.maxPooling2d({
        name,
        poolSize: layer.size,
        strides: layer.stride,
        padding: padding(layer.padding),
      });
    case "avgPool":
      return tf.layers.averagePooling2d({
        name,
        poolSize: layer.size,
        strides: layer.stride,
        padding: padding(layer.padding),
      });
    case "globalAvgPool":
      return tf.layers.globalAveragePooling2d({ name });
    case "flatten":
      return tf.layers.flatten({ name });
    case "activation":
      return tf.layers.activation({ name, activation: activation(layer.activation).activation! });
    case "batchNorm":
      return custom.batchNormalization({ name, momentum: layer.momentum, epsilon: layer.epsilon });
    case "dropout":
      return custom.dropout({ name, rate: layer.rate });
    case "padTo":
      return custom.padTo({ name, height: layer.height, width: layer.width });
    case "resize":
    case "resizeWithPad":
      return custom.resize({
        name,
        height: layer.height,
        width: layer.width,
        keepAspect: layer.kind === "resizeWithPad",
      });
    case "add":
      return tf.layers.add({ name });
    case "concat":
      return tf.layers.concatenate({ name });
    case "affine":
    case "lrn":
    case "subsample":
    case "rbf":
    case "paddedShortcut":
      throw unsupported(layer.kind);
  }
}
