import { buildModel, type ModelOptions } from "./registry.js";
import type { ImageShape, ModelSpec } from "./spec.js";
import { withoutAuxiliary } from "./without-auxiliary.js";

/** The network that a checkpoint holds, without auxiliary classifiers; null for a model of one's own. */
export function checkpointSpec({
  recipe,
  image,
  classNames,
}: {
  recipe: { model: string; modelSha256: string | null; modelOptions: ModelOptions };
  image: ImageShape;
  classNames: readonly string[];
}): ModelSpec | null {
  if (recipe.modelSha256 !== null) return null;
  const facts = { input: image, classes: classNames.length, options: recipe.modelOptions };
  return withoutAuxiliary(buildModel(recipe.model, facts));
}
