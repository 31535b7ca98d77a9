/** What a network has to learn and what it costs, from its table alone. */
import { createHash } from "node:crypto";
import { type Initializer, type ParameterSpec, sizeOf } from "../parameters/layout.js";
import { inputsOf, type Shape, shapesOf } from "./shapes.js";
import type { InitRule, LayerSpec, ModelSpec } from "./spec.js";

/** Kernels are HWIO, dense kernels [in, out]; in the network's order; names as in checkpoints. */
export function parametersOf(spec: ModelSpec): ParameterSpec[] {
  const shapes = shapesOf(spec);
  return spec.layers.flatMap((layer, index) => layerParameters(layer, shapes.get(inputsOf(spec.layers, index)[0]!)!));
}

function layerParameters(layer: LayerSpec, input: Shape): ParameterSpec[] {
  const trainable = (part: string, shape: Shape, init: Initializer, decay: boolean): ParameterSpec => ({
    name: `${layer.name}/${part}`,
    shape,
    role: "trainable",
    init,
    decay,
  });
  const channels = input.at(-1)!;
  switch (layer.kind) {
    case "conv2d":
    case "dense": {
      const conv = layer.kind === "conv2d";
      const area = conv ? layer.kernel ** 2 : 1;
      const out = conv ? layer.filters : layer.units;
      const connections = conv ? layer.connections?.flat().length : undefined;
      const seen = connections === undefined ? channels / (conv ? (layer.groups ?? 1) : 1) : connections / out;
      const fanIn = area * seen;
      const kernelShape = conv
        ? [layer.kernel, layer.kernel, ...(connections === undefined ? [seen, out] : [connections])]
        : [channels, out];
      const fans = { fanIn, fanOut: area * out };
      const kernel = trainable(
        "kernel",
        kernelShape,
        resolveInit(layer.kernelInit ?? { kind: "glorotUniform" }, fans),
        true,
      );
      if (!layer.bias) return [kernel];
      return [kernel, trainable("bias", [out], resolveInit(layer.biasInit ?? { kind: "zeros" }, fans), false)];
    }
    case "batchNorm": {
      const state = (part: string, init: Initializer): ParameterSpec => ({
        name: `${layer.name}/${part}`,
        shape: [channels],
        role: "state",
        init,
        decay: false,
      });
      return [
        trainable("gamma", [channels], { kind: "ones" }, false),
        trainable("beta", [channels], { kind: "zeros" }, false),
        state("moving_mean", { kind: "zeros" }),
        state("moving_variance", { kind: "ones" }),
      ];
    }
    case "subsample":
      return [
        trainable("coefficient", [channels], { kind: "constant", value: 1 / layer.size ** 2 }, true),
        trainable("bias", [channels], { kind: "zeros" }, false),
      ];
    default:
      return [];
  }
}

function resolveInit(rule: InitRule, { fanIn, fanOut }: { fanIn: number; fanOut: number }): Initializer {
  switch (rule.kind) {
    case "heNormal":
      return { kind: "normal", stddev: Math.sqrt(2 / fanIn) };
    case "glorotUniform":
      return { kind: "uniform", limit: Math.sqrt(6 / (fanIn + fanOut)) };
    default:
      return rule;
  }
}

interface LayerSummary {
  name: string;
  kind: string;
  output: readonly number[];
  /** Trainable. */
  parameters: number;
  multiply_adds: number;
  /** Bytes of the layer's output for one image, float32. */
  activation_bytes: number;
}
export interface ModelSummary {
  model: string;
  input: readonly number[];
  classes: number;
  trainable_parameters: number;
  /** With moving statistics. */
  total_parameters: number;
  multiply_adds: number;
  activation_bytes: number;
  layers: readonly LayerSummary[];
}

export function summarize(spec: ModelSpec): ModelSummary {
  const shapes = shapesOf(spec);
  const layers = spec.layers.map((layer, index): LayerSummary => {
    const input = shapes.get(inputsOf(spec.layers, index)[0]!)!;
    const output = shapes.get(layer.name)!;
    const parameters = layerParameters(layer, input);
    const kernel = layer.kind === "conv2d" || layer.kind === "dense" ? sizeOf(parameters[0]!.shape) : 0;
    const positions = layer.kind === "conv2d" ? output[0]! * output[1]! : 1;
    return {
      name: layer.name,
      kind: layer.kind,
      output,
      parameters: parameters
        .filter(({ role }) => role === "trainable")
        .reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      multiply_adds: kernel * positions,
      activation_bytes: 4 * sizeOf(output),
    };
  });
  const total = (key: "parameters" | "multiply_adds" | "activation_bytes") =>
    layers.reduce((sum, layer) => sum + layer[key], 0);
  return {
    model: spec.name,
    input: spec.input,
    classes: spec.classes,
    trainable_parameters: total("parameters"),
    total_parameters: parametersOf(spec).reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    multiply_adds: total("multiply_adds"),
    activation_bytes: total("activation_bytes"),
    layers,
  };
}

/** Node, tfjs and TensorFlow before any model is there. */
const BASE_BYTES = 450 * 2 ** 20;

/**
 * Predicted peak of one worker: its base, three copies of the parameters (two halves of the double buffer and the
 * gradients), and for each image of a shard every activation and its gradient.
 */
export function predictWorkerBytes(
  summary: Pick<ModelSummary, "total_parameters" | "activation_bytes">,
  shardSamples: number,
): number {
  return BASE_BYTES + 3 * 4 * summary.total_parameters + 2 * summary.activation_bytes * shardSamples;
}

/** Names the network itself: two workers with the same hash compute the same function of weights and images. */
export function topologySha256(spec: ModelSpec): string {
  const { input, classes, layers, output } = spec;
  return createHash("sha256").update(JSON.stringify({ input, classes, layers, output })).digest("hex");
}
