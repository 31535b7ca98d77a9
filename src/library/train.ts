import { completePlacement, type Placement, placementSchema } from "../config/placement.js";
import type { Recipe } from "../config/recipe.js";
import { type RecipeOverrides, resolveRecipe } from "../config/resolve.js";
import type { RunEvent } from "../events.js";
import { nameOf } from "../models/choice.js";
import { assertTrusted, remember, trustedModelsFile } from "../models/trust.js";
import { recipeOfBoth } from "../run/auto-resume.js";
import type { StartOptions } from "../run/context.js";
import { recipeFor, type Where } from "../run/devices.js";
import { hasTrained, readRecipe } from "../run/directory.js";
import { freeFolder } from "../run/free-folder.js";
import { follow } from "./follow.js";
import { objectGiven, optionsOf, type TrainOptions, trainSchema, workersOf } from "./options.js";

/**
 * Trains, and gives the events of the run:
 *
 *     for await (const event of train({ model: "vgg13", workers: 2, epochs: 1 })) …
 *
 * The last event is `done`, or `stopped` after the signal; what was committed until then is saved. Throws UsageError for
 * options that are not possible (before any worker starts), CnnDistError when the run fails. Leaving the loop stops the
 * run and waits for its end.
 */
export function train(options: TrainOptions = {}): AsyncGenerator<RunEvent, void, undefined> {
  const { signal } = objectGiven(options, "train");
  const free = (runDir: string) => freeFolder(runDir, { signal, note: () => {} });
  return follow(() => trainingOf(options, { remote: false }, free), objectGiven(options, "train"));
}

const PLACEMENT_KEYS: ReadonlySet<string> = new Set(Object.keys(placementSchema.shape));

/**
 * Recipe and placement in force. The default number of shards follows the workers, and these the GPUs that are visible.
 * `free` waits for the folder of a run that may be gone on with.
 */
export async function trainingOf(
  options: TrainOptions,
  where: Omit<Where, "placement"> = { remote: false },
  free: (runDir: string) => Promise<void> = async () => {},
): Promise<Pick<StartOptions, "recipe" | "placement" | "resume"> & { dryRun: boolean }> {
  const { recipe, model, gpus, dryRun = false, ...rest } = optionsOf(trainSchema, options, "train");
  const entries = Object.entries(rest);
  const given = Object.fromEntries(entries.filter(([key]) => PLACEMENT_KEYS.has(key))) as Partial<Placement>;
  const overrides = Object.fromEntries(entries.filter(([key]) => !PLACEMENT_KEYS.has(key))) as RecipeOverrides;
  const placement = completePlacement(
    { ...given, workers: workersOf({ gpus, workers: given.workers }, "train") },
    "train",
  );
  const { autoResume, runDir } = placement;
  if (autoResume && runDir !== null && !dryRun) await free(runDir);
  const begun = autoResume && runDir !== null && hasTrained(runDir) ? { runDir, recipe: readRecipe(runDir) } : null;
  const request = { model, recipe, overrides };
  // A run keeps its shards, however many workers it now has.
  const resolved = begun
    ? resolveRecipe({ ...request, workers: begun.recipe.shards })
    : await recipeFor(request, { ...where, placement });
  allowModel(resolved.model, { named: model !== undefined, dryRun });
  if (!begun) return { recipe: resolved, placement, dryRun };
  const goOn = recipeOfBoth(resolved, begun.recipe, begun.runDir);
  return { recipe: goOn, placement, dryRun, resume: { runDir: begun.runDir } };
}

/** A module that the user named is theirs to run; one that a recipe's file names may come from somebody else. */
function allowModel(model: Recipe["model"], { named, dryRun }: { named: boolean; dryRun: boolean }): void {
  const list = trustedModelsFile();
  if (!named) assertTrusted(model, list, [`name it yourself: --model ${nameOf(model)} beside --recipe`]);
  else if (!dryRun) remember(model, list);
}
