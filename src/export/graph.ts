/**
 * A network in the words of Keras, which tfjs shares: layers of stock classes wherever there are any, each with its
 * weights. Pure. Images go in as float32 in [0, 1], logits come out.
 */
import { inputsOf, type Shape, shapesOf } from "../models/shapes.js";
import type { ModelSpec } from "../models/spec.js";
import { layersOf } from "./layers.js";

/** keras: version 3. tfjs: 4; it lacks grouped convolutions, and its Resizing samples other places. */
export type Dialect = "keras" | "tfjs";

export interface Weight {
  /** As Keras calls it in its layer: kernel, bias, gamma, … */
  name: string;
  shape: readonly number[];
  data: Float32Array;
}
export interface ExportLayer {
  name: string;
  className: string;
  /** In Keras's spelling, without the name; what is left out is the class's default. */
  config: Readonly<Record<string, unknown>>;
  /** Names of the layers before it; "" is the input. */
  inputs: readonly string[];
  weights: readonly Weight[];
}
export interface ExportGraph {
  name: string;
  input: readonly number[];
  layers: readonly ExportLayer[];
  output: string;
  /** Classes that no stock installation knows. */
  custom: readonly string[];
}

/** What the images are normalised by, each channel by itself. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** `values`: the parameter of that name, as our checkpoints have it. */
export function exportGraph(
  spec: ModelSpec,
  values: (name: string) => Float32Array,
  dialect: Dialect,
  normalization: Normalization | null = null,
): ExportGraph {
  const shapes = shapesOf(spec);
  const nonNegative = new Set<string>();
  const layers: ExportLayer[] = [];
  const zeroIsLeast = (name: string) => (name === "" ? normalization === null : nonNegative.has(name));
  spec.layers.forEach((layer, index) => {
    const inputs = inputsOf(spec.layers, index);
    const expanded = layersOf(layer, {
      inputs,
      shapes: inputs.map((name) => shapes.get(name) as Shape),
      nonNegative: inputs.every(zeroIsLeast),
      values: (part) => values(`${layer.name}/${part}`),
      dialect,
    });
    layers.push(...expanded.layers);
    if (expanded.nonNegative) nonNegative.add(layer.name);
  });
  const custom = [...new Set(layers.map(({ className }) => className))].filter((name) => CUSTOM.has(name));
  const all = normalization ? normalized(layers, normalization) : layers;
  return { name: spec.name, input: spec.input, layers: all, output: spec.output, custom };
}

/** As batch normalisation with constants, which both dialects have for single channels. */
function normalized(layers: readonly ExportLayer[], { mean, deviation }: Normalization): ExportLayer[] {
  const name = "normalization";
  const weight = (part: string, values: readonly number[]): Weight => ({
    name: part,
    shape: [values.length],
    data: Float32Array.from(values),
  });
  const first: ExportLayer = {
    name,
    className: "BatchNormalization",
    config: { axis: -1, epsilon: 0, center: false, scale: false, trainable: false },
    inputs: [""],
    weights: [
      weight("moving_mean", mean),
      weight(
        "moving_variance",
        deviation.map((value) => value * value),
      ),
    ],
  };
  const behind = (inputs: readonly string[]) => inputs.map((input) => (input === "" ? name : input));
  return [first, ...layers.map((layer) => ({ ...layer, inputs: behind(layer.inputs) }))];
}

const CUSTOM: ReadonlySet<string> = new Set(["LRN", "Resize"]);
