/** The library: the same training as the command line's, as a stream of typed events. */

import { PLACEMENT_DEFAULTS, type Placement, placementSchema } from "./config/placement.js";
import type { RecipeInput, WrittenRecipe } from "./config/recipe.js";
import { type RecipeOverrides, resolveRecipe } from "./config/resolve.js";
import { validate } from "./config/validate.js";
import type { RunEvent } from "./events.js";
import { startRun } from "./run/run.js";

export type { Placement } from "./config/placement.js";
export type { WrittenRecipe } from "./config/recipe.js";
export { CnnDistError, UsageError } from "./errors.js";
export type * from "./events.js";

/** Recipe and placement keys, flat; what is left out comes from the recipe file, or from the placement's defaults. */
export type TrainOptions = { -readonly [K in keyof WrittenRecipe]?: RecipeInput[K] | undefined } & {
  -readonly [K in keyof Placement]?: Placement[K] | undefined;
} & {
  /** A recipe's name, or a file. */
  recipe?: string | undefined;
  /** Aborting stops the run; what is committed is saved. */
  signal?: AbortSignal | undefined;
};

/**
 * Trains, and tells of it:
 *
 *     for await (const event of train({ model: "vgg13", workers: 2, epochs: 1 })) …
 *
 * The last event is `done`, or `stopped` after the signal. Throws UsageError for options that cannot be carried out
 * (before any worker starts), CnnDistError when the run fails. Leaving the loop stops the run and waits for its end.
 */
export async function* train(options: TrainOptions = {}): AsyncGenerator<RunEvent, void, undefined> {
  const { recipe: name, signal, ...flat } = options;
  const placementKeys = Object.keys(placementSchema.shape);
  const given = Object.entries(flat).filter(([, value]) => value !== undefined);
  const pick = (wanted: boolean) => Object.fromEntries(given.filter(([key]) => placementKeys.includes(key) === wanted));
  const placement = validate(placementSchema, { ...PLACEMENT_DEFAULTS, ...pick(true) }, null);
  const { model, ...overrides } = pick(false) as RecipeOverrides;
  const recipe = resolveRecipe({ model, recipe: name, overrides, workers: placement.workers ?? 2 });
  const run = startRun({ recipe, placement, ...(signal ? { signal } : {}) });
  let finished = false;
  try {
    yield* run;
    finished = true;
  } finally {
    if (!finished) {
      run.stop("the reader left");
      await run.result.catch(() => {});
    }
  }
}
