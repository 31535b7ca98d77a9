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

/** `values`: the parameter of that name, as our checkpoints have it. */
export function exportGraph(spec: ModelSpec, values: (name: string) => Float32Array, dialect: Dialect): ExportGraph {
  const shapes = shapesOf(spec);
  const nonNegative = new Set<string>();
  const layers: ExportLayer[] = [];
  spec.layers.forEach((layer, index) => {
    const inputs = inputsOf(spec.layers, index);
    const expanded = layersOf(layer, {
      inputs,
      shapes: inputs.map((name) => shapes.get(name) as Shape),
      nonNegative: inputs.every((name) => name === "" || nonNegative.has(name)),
      values: (part) => values(`${layer.name}/${part}`),
      dialect,
    });
    layers.push(...expanded.layers);
    if (expanded.nonNegative) nonNegative.add(layer.name);
  });
  const custom = [...new Set(layers.map(({ className }) => className))].filter((name) => CUSTOM.has(name));
  return { name: spec.name, input: spec.input, layers, output: spec.output, custom };
}

const CUSTOM: ReadonlySet<string> = new Set(["LRN", "Resize"]);
