import { completePlacement } from "../config/placement.js";
import { recipeCodec, written } from "../config/recipe.js";
import { lengthOf } from "../config/resolve.js";
import { validate } from "../config/validate.js";
import type { RunEvent } from "../events.js";
import type { StartOptions } from "../run/context.js";
import { readRecipe } from "../run/directory.js";
import { follow } from "./follow.js";
import { objectGiven, optionsOf, pathGiven, type ResumeOptions, resumeSchema, workersOf } from "./options.js";
import { allowFound } from "./trust.js";

/**
 * Goes on with a run from its newest checkpoint that is whole: the events of what is left of it. The recipe is the run's;
 * of it only the length (`epochs`, `steps`) may be changed. Ends and throws as `train` does; UsageError for a folder that
 * holds no run, and `engine-differs`, before any step, where TensorFlow, its settings or the processor are not those of the
 * checkpoint (`allowDifferentEngine` goes on, with a `log` event that says so and another recipe_sha256).
 */
export function resume(runDir: string, options: ResumeOptions = {}): AsyncGenerator<RunEvent, void, undefined> {
  objectGiven(options, "resume");
  return follow(async () => resumptionOf(runDir, options), options);
}

/** What a run is gone on with. */
export function resumptionOf(runDir: string, options: ResumeOptions): StartOptions {
  pathGiven(runDir, "its first argument", "resume");
  const {
    epochs,
    steps,
    gpus,
    workers,
    allowDifferentEngine = false,
    dryRun = false,
    trustModel,
    ...placement
  } = optionsOf(resumeSchema, options, "resume");
  const length = { ...(epochs == null ? {} : { epochs }), ...(steps == null ? {} : { steps }) };
  const begun = readRecipe(runDir);
  allowFound(begun.model, { trustModel });
  return {
    recipe: validate(recipeCodec, { ...written(begun), ...lengthOf(length), ...length }, "resume"),
    placement: completePlacement({ ...placement, workers: workersOf({ gpus, workers }, "resume") }, "resume"),
    resume: { runDir, keepLength: Object.keys(length).length === 0, allowDifferentEngine },
    dryRun,
  };
}
