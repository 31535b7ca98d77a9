/** From a network's table to a tf.LayersModel whose variables are named as the table's parameters are. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine } from "../engine/engine.js";
import { parametersOf } from "../models/parameters.js";
import { inputsOf } from "../models/shapes.js";
import type { Activation, LayerSpec, ModelSpec } from "../models/spec.js";
import { type CustomLayers, customLayers } from "./custom/index.js";
import { type Network, networkOf } from "./network.js";
import { towerTensors } from "./towers.js";

/** Variables start as zeros: weights come from the coordinator. */
export function buildNetwork(engine: Engine, spec: ModelSpec): Network {
  const { tf } = engine;
  const custom = customLayers(engine);
  const input = tf.input({ shape: [...spec.input] });
  const made = (layer: LayerSpec) => layerOf(engine, custom, layer);
  const tensors = (spec.towers ?? 1) > 1 ? towerTensors(engine, spec, input, made) : chainTensors(spec, input, made);
  const auxiliary = spec.auxiliary ?? [];
  const logits = tensors.get(spec.output)!;
  const evaluated = tf.model({ inputs: input, outputs: logits });
  const heads = auxiliary.map(({ output }) => tensors.get(output)!);
  return networkOf(
    heads.length === 0 ? evaluated : tf.model({ inputs: input, outputs: [logits, ...heads] }),
    parametersOf(spec),
    { evaluated, auxiliaryWeights: auxiliary.map(({ weight }) => weight), rubbishLogit: spec.loss?.logit ?? null },
  );
}

/** The output of every layer by its name. */
function chainTensors(
  spec: ModelSpec,
  input: tfjs.SymbolicTensor,
  made: (layer: LayerSpec) => tfjs.layers.Layer,
): ReadonlyMap<string, tfjs.SymbolicTensor> {
  const tensors = new Map([["", input]]);
  spec.layers.forEach((layer, index) => {
    const inputs = inputsOf(spec.layers, index).map((name) => tensors.get(name)!);
    tensors.set(layer.name, made(layer).apply(inputs.length === 1 ? inputs[0]! : inputs) as tfjs.SymbolicTensor);
  });
  return tensors;
}

const ZEROS = { kernelInitializer: "zeros", biasInitializer: "zeros" } as const;

function layerOf({ tf }: Engine, custom: CustomLayers, layer: LayerSpec): tfjs.layers.Layer {
  const { name } = layer;
  switch (layer.kind) {
    case "conv2d":
      return convolutionOf(tf, custom, layer);
    case "dense":
      return tf.layers.dense({
        name,
        units: layer.units,
        useBias: layer.bias,
        ...ZEROS,
        ...kerasActivation(name, layer.activation),
      });
    case "maxPool":
    case "avgPool": {
      const { size, stride, padding } = layer;
      if (typeof padding === "number" && padding > 0)
        return custom.paddedPool({
          name,
          pooling: layer.kind === "maxPool" ? "max" : "average",
          size,
          stride,
          padding,
        });
      const config = { name, poolSize: size, strides: stride, padding: padding === "same" ? "same" : "valid" } as const;
      return layer.kind === "maxPool" ? tf.layers.maxPooling2d(config) : tf.layers.averagePooling2d(config);
    }
    case "adaptiveAvgPool":
      return custom.adaptivePool({ name, size: layer.size });
    case "globalAvgPool":
      return tf.layers.globalAveragePooling2d({ name });
    case "flatten":
      return tf.layers.flatten({ name });
    case "activation":
      if (layer.activation === "scaledTanh" || layer.activation === "logSigmoid")
        return custom.squash({ name, squashing: layer.activation });
      return tf.layers.activation({ name, activation: layer.activation });
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
      return custom.affine({ name, multiply: layer.multiply, add: layer.add });
    case "lrn":
      return custom.lrn({ name, size: layer.size, k: layer.k, alpha: layer.alpha, beta: layer.beta });
    case "subsample":
      return custom.subsample({ name, size: layer.size });
    case "rbf":
      return custom.rbf({ name, codes: layer.codes });
    case "paddedShortcut":
      return custom.paddedShortcut({ name, stride: layer.stride, channels: layer.channels });
  }
}

/** tfjs's own layer where it can, since its gradient of bias and ReLU is fused. */
function convolutionOf(
  tf: Engine["tf"],
  custom: CustomLayers,
  layer: Extract<LayerSpec, { kind: "conv2d" }>,
): tfjs.layers.Layer {
  const { name, filters, kernel: kernelSize, stride: strides = 1, padding, groups = 1, connections = null } = layer;
  const common = { name, filters, kernelSize, strides, useBias: layer.bias };
  if (typeof padding === "string" && groups === 1 && connections === null)
    return tf.layers.conv2d({ ...common, padding, ...ZEROS, ...kerasActivation(name, layer.activation) });
  const { activation = "linear" } = layer;
  if (activation !== "linear" && activation !== "relu")
    throw new RangeError(`layer ${name}: such a convolution takes no activation but relu; give ${activation} a layer`);
  return custom.convolution({ ...common, padding, groups, connections, activation });
}

function kerasActivation(layer: string, activation: Activation | undefined) {
  if (activation === undefined) return {};
  if (activation === "scaledTanh" || activation === "logSigmoid")
    throw new RangeError(`layer ${layer}: ${activation} is no activation of Keras's; give it a layer of its own`);
  return { activation };
}
