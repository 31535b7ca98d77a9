import type { TableModel } from "./choice.js";
import { buildModel } from "./registry.js";
import type { ImageShape, ModelSpec } from "./spec.js";
import { withoutAuxiliary } from "./without-auxiliary.js";

/** The network that a checkpoint holds, without auxiliary classifiers. */
export function checkpointSpec(
  { image, classNames }: { image: ImageShape; classNames: readonly string[] },
  { name, options }: TableModel,
): ModelSpec {
  return withoutAuxiliary(buildModel(name, { input: image, classes: classNames.length, options }));
}
