import { completePlacement } from "../config/placement.js";
import { readRecipe } from "../run/directory.js";
import { type Verification, verifyRun } from "../run/verify.js";
import { optionsOf, pathGiven, type VerifyOptions, verifySchema, workersOf } from "./options.js";
import { allowFound } from "./trust.js";

/**
 * Replays the first steps of a run, on any number of workers, and compares every parameter bit by bit. UsageError when the
 * run left nothing to compare with; CnnDistError `stopped` after the signal, since a replay that was cut short tells
 * nothing.
 */
export async function verify(runDir: string, options: VerifyOptions = {}): Promise<Verification> {
  pathGiven(runDir, "its first argument", "verify");
  const { gpus, workers, trustModel, ...where } = optionsOf(verifySchema, options, "verify");
  const { signal, onStep } = options;
  signal?.throwIfAborted();
  // Read once: what is run is what was allowed.
  const recipe = readRecipe(runDir);
  allowFound(recipe.model, { trustModel });
  const result = await verifyRun({
    runDir,
    recipe,
    placement: completePlacement({ ...where, workers: workersOf({ gpus, workers }, "verify") }, "verify"),
    ...(signal ? { signal } : {}),
    onEvent: (event) => {
      if (event.event === "step") onStep?.(event.step);
    },
  });
  signal?.throwIfAborted();
  return result;
}
