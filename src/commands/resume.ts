import { judge } from "../config/describe.js";
import { recipeSchema } from "../config/recipe.js";
import { readRecipe } from "../run/directory.js";
import type { Args, Io } from "./command.js";
import { keysOf, LENGTH_OPTIONS } from "./options.js";
import { placementOf, runAtTerminal } from "./training.js";

/** The recipe is the run's; only its length may be changed. */
export async function run(args: Args, io: Io): Promise<number> {
  const runDir = args["run-dir"] as string;
  const placement = placementOf(args);
  const recipe = judge(
    recipeSchema,
    { ...readRecipe(runDir), ...keysOf(args, LENGTH_OPTIONS) },
    null,
    Object.keys(recipeSchema.shape),
  );
  return runAtTerminal({ recipe, placement, resume: { runDir } }, args, io);
}
