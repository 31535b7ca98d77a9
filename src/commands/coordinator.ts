import { UsageError } from "../errors.js";
import type { Args, Io } from "./command.js";
import { atTerminal, titleOf } from "./session.js";

export async function run(args: Args, io: Io): Promise<number> {
  const bind = args.bind as string | undefined;
  if (bind === undefined)
    throw new UsageError(
      "usage",
      "coordinator: --bind tcp://HOST:PORT is needed, for instance --bind tcp://127.0.0.1:5555",
    );
  return atTerminal(`coordinating ${titleOf(args)} at ${bind}`, args, io, async (session) => {
    const [{ checkTcpEndpoint }, { placementOf, recipeOf, runAtTerminal }] = await Promise.all([
      import("../transport/address.js"),
      import("./training.js"),
    ]);
    checkTcpEndpoint("--bind", bind);
    const placement = placementOf(args);
    const recipe = await recipeOf(args, placement);
    return runAtTerminal({ recipe, placement, bind }, args, session);
  });
}
