import { checkTcpEndpoint } from "../transport/address.js";
import { placementOf, recipeOf, runAtTerminal } from "./training.js";
import { output, path, placement, recipe } from "./values.js";
import { work } from "./work.js";

const { maxRestarts: _, ...placementOfOthers } = placement; // whoever started a worker starts it again

export const command = work(
  { bind: path, ...recipe, ...placementOfOthers, ...output },
  async ({ bind, ...values }, terminal) => {
    checkTcpEndpoint("--bind", bind);
    const where = placementOf(values);
    return runAtTerminal(
      { recipe: await recipeOf(values, where), placement: where, bind, dryRun: values.dryRun },
      terminal,
    );
  },
);
