/** A checkpoint's parameters under torchvision's names and in PyTorch's order. Pure. */
import type { NamedTensor } from "../checkpoint/safetensors.js";
import { UsageError } from "../errors.js";
import { parametersOf } from "../models/parameters.js";
import { buildModel, modelFacts } from "../models/registry.js";
import type { ModelSpec } from "../models/spec.js";
import { toTorch } from "../models/torch-order.js";
import { type TorchParameter, torchvisionOptions, torchvisionParameters } from "../models/torchvision.js";

/** `spec`: the network as it was trained, auxiliary classifiers included. UsageError `export` where torchvision has none of its name. */
export function underTorchvisionNames(spec: ModelSpec, tensors: readonly NamedTensor[]): NamedTensor[] {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  return mappingOf(spec).flatMap(({ name, torch, order }) => {
    const tensor = byName.get(name);
    return tensor ? [{ name: torch, ...toTorch(tensor, order) }] : [];
  });
}

/**
 * What torchvision's own network of this name has otherwise: parameters that it lacks, or has in another shape. Its layers
 * of the classes have as many as these. Empty where the state dict loads as it is.
 */
export function otherThanTorchvision(spec: ModelSpec): string[] {
  const { input } = modelFacts(spec.name).natural;
  const options = torchvisionOptions(spec.name);
  const theirs = shapesByName(buildModel(spec.name, { input, classes: spec.classes, options }));
  const ours = shapesByName(spec);
  return [...ours].flatMap(([name, shape]) => {
    const expected = theirs.get(name);
    if (expected === undefined) return [`${name} (torchvision's has none)`];
    return expected === shape ? [] : [`${name} [${shape}] (torchvision's is [${expected}])`];
  });
}

/** Shapes as torchvision has them, by its names. */
function shapesByName(spec: ModelSpec): Map<string, string> {
  const shapes = new Map(parametersOf(spec).map(({ name, shape }) => [name, shape]));
  return new Map(
    mappingOf(spec).map(({ name, torch, order }) => {
      const shape = shapes.get(name)!;
      const [a, b, c, d] = shape;
      const theirs = order.kind === "same" ? shape : order.kind === "oihw" ? [d, c, a, b] : [b, a];
      return [torch, theirs.join()];
    }),
  );
}

function mappingOf(spec: ModelSpec): TorchParameter[] {
  const known = torchvisionParameters(spec);
  if (known) return known;
  throw new UsageError(
    "export",
    `--names torchvision: torchvision has no ${spec.name}. Leave --names out to export under our names.`,
  );
}
