import type { Args, Io } from "./command.js";
import { keysOf, LENGTH_OPTIONS } from "./options.js";
import { atTerminal } from "./session.js";

/** The recipe is the run's; only its length may be changed. */
export async function run(args: Args, io: Io): Promise<number> {
  const runDir = args["run-dir"] as string;
  return atTerminal(`resuming ${runDir}`, args, io, async (session) => {
    const [{ judge }, { recipeSchema }, { lengthOf }, { readRecipe }, { placementOf, runAtTerminal }] =
      await Promise.all([
        import("../config/describe.js"),
        import("../config/recipe.js"),
        import("../config/resolve.js"),
        import("../run/directory.js"),
        import("./training.js"),
      ]);
    const placement = placementOf(args);
    const length = keysOf(args, LENGTH_OPTIONS);
    const recipe = judge(
      recipeSchema,
      { ...readRecipe(runDir), ...lengthOf(length), ...length },
      null,
      Object.keys(recipeSchema.shape),
    );
    return runAtTerminal(
      { recipe, placement, resume: { runDir, keepLength: Object.keys(length).length === 0 } },
      args,
      session,
    );
  });
}
