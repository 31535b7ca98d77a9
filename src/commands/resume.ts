import { recipeCodec, written } from "../config/recipe.js";
import { lengthOf } from "../config/resolve.js";
import { validate } from "../config/validate.js";
import { readRecipe } from "../run/directory.js";
import { placementOf, runAtTerminal } from "./training.js";
import { length, output, path, placement } from "./values.js";
import { work } from "./work.js";

const { runDir: _, ...placementOfRun } = placement; // the run has its folder

/** The recipe is the run's; only its length may be changed. */
export const command = work(
  { runDir: path, ...length, ...placementOfRun, ...output },
  async ({ runDir, epochs, steps, dryRun, ...values }, terminal) => {
    const given = { ...(epochs == null ? {} : { epochs }), ...(steps == null ? {} : { steps }) };
    const recipe = validate(recipeCodec, { ...written(readRecipe(runDir)), ...lengthOf(given), ...given }, null);
    return runAtTerminal(
      {
        recipe,
        placement: placementOf(values),
        resume: { runDir, keepLength: Object.keys(given).length === 0 },
        dryRun,
      },
      terminal,
    );
  },
);
