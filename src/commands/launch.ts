import type { Args, Io } from "./command.js";
import { atTerminal, titleOf } from "./session.js";

export async function run(args: Args, io: Io): Promise<number> {
  return atTerminal(titleOf(args), args, io, async (session) => {
    const { placementOf, recipeOf, runAtTerminal } = await import("./training.js");
    const placement = placementOf(args);
    const recipe = await recipeOf(args, placement);
    return runAtTerminal({ recipe, placement }, args, session);
  });
}
