/** A network as the worker uses it: variables by parameter name, and one function from images to logits. */
import type * as tfjs from "@tensorflow/tfjs";
import type { FlatVariables } from "../engine/engine.js";
import { CnnDistError } from "../errors.js";
import type { Layout, ParameterSpec, Slot } from "../parameters/layout.js";
import type { CallArgs } from "./custom/index.js";

export interface Network {
  /** With every output: the logits, then those of the auxiliary classifiers. */
  model: tfjs.LayersModel;
  /** In the network's order. */
  parameters: readonly ParameterSpec[];
  variable(name: string): tfjs.Variable;
  /** `x`: float32 [n, h, w, c] in [0, 1]; returns logits [n, classes]. */
  forward(x: tfjs.Tensor, args: CallArgs): tfjs.Tensor2D;
  /** The logits, and those of the auxiliary classifiers, each with the weight of its loss; the first one's is 1. */
  forwardAll(x: tfjs.Tensor, args: CallArgs): { logits: tfjs.Tensor2D; weight: number }[];
  /** Runs what calls the layers, to trace them: errors of a user's code name its file and line. */
  calling<Result>(call: () => Result): Result;
  /** The logit of a class that no image belongs to (ModelSpec.loss), or null. */
  rubbishLogit: number | null;
}

/** Pairs the model's variables with the parameters they stand for; both must have the same names and shapes. */
export function networkOf(
  model: tfjs.LayersModel,
  parameters: readonly ParameterSpec[],
  {
    named = namedVariables(model),
    evaluated = model,
    auxiliaryWeights = [],
    rubbishLogit = null,
  }: {
    named?: readonly [string, tfjs.Variable][];
    /** The part of the model that gives the logits alone. */
    evaluated?: tfjs.LayersModel;
    auxiliaryWeights?: readonly number[];
    rubbishLogit?: number | null;
  } = {},
): Network {
  const variables = new Map<string, tfjs.Variable>(named);
  for (const { name, shape } of parameters) {
    const found = variables.get(name);
    if (found?.shape.join() !== shape.join()) {
      throw new CnnDistError(
        "model",
        `parameter ${name}: the table says [${shape}], the network has ${found ? `[${found.shape}]` : "none of that name"}`,
      );
    }
  }
  if (variables.size !== parameters.length)
    throw new CnnDistError("model", `the network has ${variables.size} variables, its table ${parameters.length}`);
  placeDropouts(model);
  return {
    model,
    parameters,
    variable: (name) => variables.get(name)!,
    rubbishLogit,
    calling: (call) => call(),
    forward: (x, args) => evaluated.apply(x, args as unknown as Record<string, unknown>) as tfjs.Tensor2D,
    forwardAll(x, args) {
      const outputs = model.apply(x, args as unknown as Record<string, unknown>) as tfjs.Tensor2D | tfjs.Tensor2D[];
      const weights = [1, ...auxiliaryWeights];
      return [outputs].flat().map((logits, index) => ({ logits, weight: weights[index]! }));
    },
  };
}

/**
 * `layer/weight` names in the model's order, nested models included. Weights of one layer that share a name (a wrapper's
 * two halves) are told apart by a number.
 */
export function namedVariables(
  model: tfjs.LayersModel,
  nameOf: (layer: tfjs.layers.Layer) => string = ({ name }) => name,
): [string, tfjs.Variable][] {
  return model.layers.flatMap((layer): [string, tfjs.Variable][] => {
    const nested = (layer as unknown as { layers?: unknown }).layers;
    if (nested)
      return namedVariables(layer as unknown as tfjs.LayersModel, nameOf).map(([name, variable]) => [
        `${nameOf(layer)}/${name}`,
        variable,
      ]);
    const seen = new Map<string, number>();
    return layer.weights.map((weight) => {
      const { val } = weight as unknown as { val: tfjs.Variable };
      const own = weight.originalName.split("/").at(-1)!;
      const count = (seen.get(own) ?? 0) + 1;
      seen.set(own, count);
      return [`${nameOf(layer)}/${own}${count === 1 ? "" : `_${count}`}`, val];
    });
  });
}

/** Every dropout layer gets a place of its own, and with it noise of its own. */
function placeDropouts(model: tfjs.LayersModel): void {
  let place = 0;
  const visit = (layers: readonly tfjs.layers.Layer[]) => {
    for (const layer of layers) {
      const known = layer as unknown as { layers?: tfjs.layers.Layer[]; setPlace?: (place: number) => void };
      if (known.layers) visit(known.layers);
      known.setPlace?.(place++);
    }
  };
  visit(model.layers);
}

/** How the network's variables lie in the flat vectors of a layout: one vector a bucket, then the state if there is any. */
export function flatVariables(network: Network, layout: Layout): FlatVariables[] {
  const place = (slots: readonly Slot[], base: number) =>
    slots.map((slot) => ({ variable: network.variable(slot.name), offset: slot.offset - base, shape: slot.shape }));
  const vectors: FlatVariables[] = layout.buckets.map(({ slots, offset, size }) => ({
    size,
    slots: place(slots, offset),
  }));
  if (layout.stateSize > 0) vectors.push({ size: layout.stateSize, slots: place(layout.state, 0) });
  return vectors;
}
