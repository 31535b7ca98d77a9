/** From a network's table to its graph in Keras's words. Pure. */
import { inputsOf, type Shape, shapesOf } from "../models/shapes.js";
import type { ModelSpec } from "../models/spec.js";
import type { Dialect, ExportGraph, ExportLayer, Normalization, Weight } from "./graph.js";
import { layersOf } from "./layers.js";

/** Classes that no stock installation knows. */
const CUSTOM: ReadonlySet<string> = new Set(["LRN", "Resize"]);

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
