import { UsageError } from "../errors.js";
import { checkTcpEndpoint } from "../transport/address.js";
import type { Args, Io } from "./command.js";
import { placementOf, recipeOf, runAtTerminal } from "./training.js";

export async function run(args: Args, io: Io): Promise<number> {
  const bind = args.bind as string | undefined;
  if (bind === undefined)
    throw new UsageError(
      "usage",
      "coordinator: --bind tcp://HOST:PORT is needed, for instance --bind tcp://127.0.0.1:5555",
    );
  checkTcpEndpoint("--bind", bind);
  const placement = placementOf(args);
  const recipe = await recipeOf(args, placement);
  return runAtTerminal({ recipe, placement, bind }, args, io);
}
