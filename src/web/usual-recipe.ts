/** What a recipe would be, had nothing been said but its model. */
import type { WrittenRecipe } from "../config/recipe.js";
import { written } from "../config/recipe.js";
import { resolveRecipe } from "../config/resolve.js";

/** Null: there is none, such as of a model of the user's own. */
export function usualRecipe({ model, modelSha256 }: WrittenRecipe, workers: number): WrittenRecipe | null {
  if (modelSha256 !== null) return null;
  try {
    return written(resolveRecipe({ model, overrides: {}, workers }));
  } catch {
    return null; // of another version's run
  }
}
