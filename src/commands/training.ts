/** What launch, resume and coordinator share: the recipe of the words, and a run with a reporter and an exit code. */
import type { z } from "zod";
import { completePlacement, type Placement } from "../config/placement.js";
import type { Recipe } from "../config/recipe.js";
import { resolveRecipe } from "../config/resolve.js";
import { listGpus } from "../engine/gpus.js";
import { EXIT, messageOf } from "../errors.js";
import { type StartOptions, startRun } from "../run/run.js";
import type { Terminal } from "./terminal.js";
import { placement, recipe } from "./values.js";

type ValuesOf<Shape extends z.ZodRawShape> = z.infer<z.ZodObject<Shape>>;

const PLACEMENT_NAMES = Object.keys(placement) as (keyof typeof placement)[];

/** The placement among a command's values, completed by the defaults. */
export function placementOf(values: Partial<ValuesOf<typeof placement>>): Placement {
  return completePlacement(pick(values, PLACEMENT_NAMES));
}

/** The recipe in force: the values' over the recipe file's. */
export async function recipeOf(values: ValuesOf<typeof recipe>, { workers, device }: Placement): Promise<Recipe> {
  const {
    recipe: name,
    model,
    modelOption,
    datasetOption,
    augmentation,
    ...overrides
  } = pick(values, Object.keys(recipe) as (keyof typeof recipe)[]);
  return resolveRecipe({
    model,
    recipe: name,
    overrides: {
      ...overrides,
      modelOptions: modelOption,
      datasetOptions: datasetOption,
      ...(augmentation === "none" ? { augmentation: [] } : {}),
    },
    workers: workers ?? Math.max(2, device === "cpu" ? 0 : (await listGpus()).length),
  });
}

/** Those of the names that were given. */
function pick<T extends object, K extends keyof T>(values: T, names: readonly K[]): Partial<Pick<T, K>> {
  const given = names.filter((name) => values[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, values[name]])) as Partial<Pick<T, K>>;
}

/** Resolves with the exit code when the run has ended. */
export async function runAtTerminal(
  options: Omit<StartOptions, "onProgress" | "signal">,
  { reporter, signal }: Terminal,
): Promise<number> {
  const run = startRun({ ...options, onProgress: (progress) => reporter.progress(progress) });
  signal.addEventListener("abort", () => run.stop(messageOf(signal.reason)), { once: true });
  for await (const event of run) reporter.event(event);
  const done = await run.result;
  return done?.event === "stopped" ? EXIT.stopped : EXIT.done;
}
