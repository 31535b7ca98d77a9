import { inputsOf } from "./shapes.js";
import type { ModelSpec } from "./spec.js";

/** The network without what only its auxiliary classifiers need: what evaluation and exports use. Inputs are all named. */
export function withoutAuxiliary(spec: ModelSpec): ModelSpec {
  const feeds = new Map(spec.layers.map(({ name }, index) => [name, inputsOf(spec.layers, index)]));
  const needed = new Set<string>();
  const visit = (name: string) => {
    if (name === "" || needed.has(name)) return;
    needed.add(name);
    feeds.get(name)!.forEach(visit);
  };
  visit(spec.output);
  const { auxiliary: _, ...rest } = spec;
  const layers = spec.layers
    .filter(({ name }) => needed.has(name))
    .map((layer) => ({ ...layer, inputs: feeds.get(layer.name)! }));
  return { ...rest, layers };
}
