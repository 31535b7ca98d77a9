import type { Args, Io } from "./command.js";
import { keysOf, LENGTH_OPTIONS } from "./options.js";
import { atTerminal } from "./session.js";

/** The recipe is the run's; only its length may be changed. */
export async function run(args: Args, io: Io): Promise<number> {
  const runDir = args["run-dir"] as string;
  return atTerminal(`resuming ${runDir}`, args, io, async (session) => {
    const [{ judge }, { recipeSchema }, { readRecipe }, { placementOf, runAtTerminal }] = await Promise.all([
      import("../config/describe.js"),
      import("../config/recipe.js"),
      import("../run/directory.js"),
      import("./training.js"),
    ]);
    const placement = placementOf(args);
    const recipe = judge(
      recipeSchema,
      { ...readRecipe(runDir), ...keysOf(args, LENGTH_OPTIONS) },
      null,
      Object.keys(recipeSchema.shape),
    );
    return runAtTerminal({ recipe, placement, resume: { runDir } }, args, session);
  });
}
