import { placementOf, recipeOf, runAtTerminal } from "./training.js";
import { output, placement, recipe } from "./values.js";
import { work } from "./work.js";

export const command = work({ ...recipe, ...placement, ...output }, async (values, terminal) => {
  const where = placementOf(values);
  return runAtTerminal({ recipe: await recipeOf(values, where), placement: where, dryRun: values.dryRun }, terminal);
});
