/** What a network has to learn and what it costs, from its table alone. */
import { createHash } from "node:crypto";
import { type Initializer, type ParameterSpec, sizeOf } from "../parameters/layout.js";
import { inputsOf, type Shape, shapesOf } from "./shapes.js";
import type { InitRule, LayerSpec, ModelSpec } from "./spec.js";
import { withoutAuxiliary } from "./without-auxiliary.js";

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
    case "lecunUniform":
      return { kind: "uniform", limit: 2.4 / fanIn };
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
  /** Whether only an auxiliary classifier needs it, in training. */
  auxiliary: boolean;
}
export interface ModelSummary {
  model: string;
  input: readonly number[];
  classes: number;
  /** Of the network that is evaluated. */
  trainable_parameters: number;
  /** With moving statistics. */
  total_parameters: number;
  /** Trained beside it: those of auxiliary classifiers, moving statistics included. */
  auxiliary_parameters: number;
  /** Forward, without auxiliary classifiers. */
  multiply_adds: number;
  /** In training, for one image. */
  activation_bytes: number;
  layers: readonly LayerSummary[];
}

export function summarize(spec: ModelSpec): ModelSummary {
  const shapes = shapesOf(spec);
  const evaluated = new Set(withoutAuxiliary(spec).layers.map(({ name }) => name));
  const totals = { trainable: 0, all: 0, auxiliary: 0, multiplyAdds: 0, activations: 0 };
  const layers = spec.layers.map((layer, index): LayerSummary => {
    const output = shapes.get(layer.name)!;
    const parameters = layerParameters(layer, shapes.get(inputsOf(spec.layers, index)[0]!)!);
    const sum = (list: readonly ParameterSpec[]) => list.reduce((total, { shape }) => total + sizeOf(shape), 0);
    const trainable = sum(parameters.filter(({ role }) => role === "trainable"));
    const auxiliary = !evaluated.has(layer.name);
    const multiplyAdds = layerMultiplyAdds(layer, parameters, output);
    totals.activations += 4 * sizeOf(output);
    if (auxiliary) totals.auxiliary += sum(parameters);
    else {
      totals.trainable += trainable;
      totals.all += sum(parameters);
      totals.multiplyAdds += multiplyAdds;
    }
    return {
      name: layer.name,
      kind: layer.kind,
      output,
      parameters: trainable,
      multiply_adds: multiplyAdds,
      activation_bytes: 4 * sizeOf(output),
      auxiliary,
    };
  });
  return {
    model: spec.name,
    input: spec.input,
    classes: spec.classes,
    trainable_parameters: totals.trainable,
    total_parameters: totals.all,
    auxiliary_parameters: totals.auxiliary,
    multiply_adds: totals.multiplyAdds,
    activation_bytes: totals.activations,
    layers,
  };
}

function layerMultiplyAdds(layer: LayerSpec, [kernel]: readonly ParameterSpec[], output: Shape): number {
  switch (layer.kind) {
    case "conv2d":
      return sizeOf(kernel!.shape) * output[0]! * output[1]!;
    case "dense":
      return sizeOf(kernel!.shape);
    case "rbf":
      return layer.codes.reduce((sum, code) => sum + code.length, 0);
    default:
      return 0;
  }
}

/** Node, tfjs and TensorFlow before any model is there. */
const BASE_BYTES = 630e6;
/** Of all parameters: two versions of them, the sum of the gradients, and as much again on its way in and out. */
const COPIES = 4;
/** Of the largest parameter beside that: it leaves TensorFlow and travels in one piece. */
const COPIES_OF_LARGEST = 3;
/** TensorFlow frees what the backward pass has used; the share of all outputs that is alive at the peak. */
const ALIVE = 0.7;

/**
 * Predicted peak of one worker. The four constants were fitted to measured peaks, which a test holds them to; the largest
 * deviation was 14% over nineteen measurements, from LeNet-5 to VGG19 at 224x224 and 1 to 16 images a shard.
 */
export function predictWorkerBytes(spec: ModelSpec, shardSamples: number): number {
  const sizes = parametersOf(spec).map(({ shape }) => 4 * sizeOf(shape));
  const parameters = sizes.reduce((sum, size) => sum + size, 0);
  const { activation_bytes: activations } = summarize(spec);
  return Math.round(
    BASE_BYTES + COPIES * parameters + COPIES_OF_LARGEST * Math.max(0, ...sizes) + ALIVE * activations * shardSamples,
  );
}

/** Names the network itself: two workers with the same hash compute the same function of weights and images. */
export function topologySha256(spec: ModelSpec): string {
  const { input, classes, layers, output } = spec;
  return createHash("sha256").update(JSON.stringify({ input, classes, layers, output })).digest("hex");
}
