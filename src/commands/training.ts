/** What launch, resume and coordinator share: a run with signals, a reporter, and an exit code. */
import { judge } from "../config/describe.js";
import { PLACEMENT_DEFAULTS, type Placement, placementSchema } from "../config/placement.js";
import type { Recipe } from "../config/recipe.js";
import { type RecipeOverrides, resolveRecipe } from "../config/resolve.js";
import { listGpus } from "../engine/gpus.js";
import { EXIT, messageOf, UsageError } from "../errors.js";
import { type StartOptions, startRun } from "../run/run.js";
import type { Args } from "./command.js";
import { keysOf, PLACEMENT_OPTIONS, pairsOf, RECIPE_OPTIONS } from "./options.js";
import type { Session } from "./session.js";

export function placementOf(args: Args): Placement {
  return judge(
    placementSchema,
    { ...PLACEMENT_DEFAULTS, ...keysOf(args, PLACEMENT_OPTIONS) },
    null,
    Object.keys(placementSchema.shape),
  );
}

function pairsGiven(args: Args, flag: string): Record<string, string | number | boolean> | undefined {
  const pairs = pairsOf(args[flag]);
  if (typeof pairs === "string") throw new UsageError("usage", `--${flag}: expected NAME=VALUE, received "${pairs}"`);
  return Object.keys(pairs).length === 0 ? undefined : pairs;
}

export function modelOptionsOf(args: Args): { modelOptions?: Recipe["modelOptions"] } {
  const modelOptions = pairsGiven(args, "model-option");
  return modelOptions ? { modelOptions } : {};
}

export function datasetOptionsOf(args: Args): { datasetOptions?: Recipe["datasetOptions"] } {
  const datasetOptions = pairsGiven(args, "dataset-option");
  return datasetOptions ? { datasetOptions } : {};
}

/** Steps have parameters of their own, so only a recipe's file can name them; a flag can leave them out. */
function augmentationOf(args: Args): { augmentation?: [] } {
  if (args.augmentation === undefined) return {};
  if (args.augmentation === "none") return { augmentation: [] };
  throw new UsageError(
    "config",
    `--augmentation: expected none, received ${JSON.stringify(args.augmentation)}. Steps are named in a recipe's file, as "augmentation": [{ "step": "horizontalFlip" }].`,
  );
}

export async function recipeOf(args: Args, placement: Placement): Promise<Recipe> {
  const { model, ...overrides } = keysOf(args, RECIPE_OPTIONS) as RecipeOverrides;
  const workers = placement.workers ?? Math.max(2, placement.device === "cpu" ? 0 : (await listGpus()).length);
  return resolveRecipe({
    model,
    recipe: args.recipe as string | undefined,
    overrides: { ...overrides, ...modelOptionsOf(args), ...datasetOptionsOf(args), ...augmentationOf(args) },
    workers,
  });
}

/** Carries a run out at the terminal. */
export async function runAtTerminal(
  options: Omit<StartOptions, "onProgress" | "signal">,
  args: Args,
  { reporter, signal }: Session,
): Promise<number> {
  signal.throwIfAborted();
  const run = startRun({
    ...options,
    dryRun: args["dry-run"] === true,
    onProgress: (progress) => reporter.progress(progress),
  });
  signal.addEventListener("abort", () => run.stop(messageOf(signal.reason)), { once: true });
  for await (const event of run) reporter.event(event);
  const done = await run.result;
  return done?.event === "stopped" ? EXIT.stopped : EXIT.done;
}
