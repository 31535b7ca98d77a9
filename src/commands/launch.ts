import type { Args, Io } from "./command.js";
import { placementOf, recipeOf, runAtTerminal } from "./training.js";

export async function run(args: Args, io: Io): Promise<number> {
  const placement = placementOf(args);
  const recipe = await recipeOf(args, placement);
  return runAtTerminal({ recipe, placement }, args, io);
}
