/**
 * What a resumed run is called, and whether it may go on. `recipe_sha256` promises bits: where what follows is not what the
 * recipe alone leads to, the hash names the old one and the step as well, so that it promises nothing false. Pure.
 */
import { createHash } from "node:crypto";
import type { Snapshot } from "../checkpoint/snapshot.js";
import { describeDifferences, differencesSince, type Fingerprint } from "../config/fingerprint.js";
import type { Recipe } from "../config/recipe.js";
import { canonicalJson, recipeSha256 } from "../config/resolve.js";
import { totalSteps } from "../data/order.js";
import { UsageError } from "../errors.js";
import { count, plural } from "../format.js";

type Before = Pick<Snapshot, "recipe" | "recipeSha256" | "step">;

/** The hash of a run that goes on under `recipe`, which may differ from the checkpoint's in its length alone. */
export function sha256AtLength(recipe: Recipe, { recipe: before, recipeSha256: old, step }: Before): string {
  const whole = recipeSha256(recipe);
  if (recipe.epochs === before.epochs && recipe.steps === before.steps) return old;
  const ratesFollowLength = recipe.lrScheduler === "cosine" || recipe.lrScheduler === "plateau";
  // An old hash that is not its recipe's alone has something to tell that no recipe says.
  const asBegunSo = old === recipeSha256(before) && !ratesFollowLength;
  return step === 0 || asBegunSo ? whole : sha256Of({ recipe_sha256: whole, after: old, step });
}

/** UsageError when a run would be shorter than what is done of it: its hash would name weights that it does not have. */
export function assertNotShorter(recipe: Pick<Recipe, "epochs" | "steps">, step: number, perEpoch: number): void {
  const total = totalSteps(recipe, perEpoch);
  if (step <= total) return;
  const length = total === recipe.steps ? `--steps ${total}` : `--epochs ${recipe.epochs} (${plural(total, "step")})`;
  throw new UsageError(
    "config",
    `the run is at step ${count(step)} already, and ${length} is shorter. Give a length of ${plural(step, "step")} or more, or resume without --steps and --epochs to keep the run's own length.`,
  );
}

/** For the plan of a run that goes on from a checkpoint though it has reached its length. */
export function finishedWarning(step: number, total: number): string[] {
  if (step === 0 || step < total) return [];
  return [
    `the run is at its end already, step ${count(step)}: no step is left to do. Give more --steps or --epochs to make it longer`,
  ];
}

/** For the plan of a run that goes on from a checkpoint that does not name its engine. */
export function engineWarning(resumed: Pick<Snapshot, "step" | "fingerprint"> | null): string[] {
  if (!resumed || resumed.fingerprint !== null) return [];
  return [
    `the checkpoint of step ${resumed.step} does not say on which engine it was computed (an older version wrote it): if TensorFlow or the processor is another one now, the run ends in other weights than its recipe_sha256 promises`,
  ];
}

/**
 * Compares the engine of the first worker with the one that the checkpoint was computed by. Null when there is nothing to
 * say; with `allowed`, what to warn of and the hash of what follows. Else UsageError `engine-differs`.
 */
export function engineChange(
  start: Pick<Snapshot, "recipeSha256" | "step" | "fingerprint">,
  now: Fingerprint,
  allowed: boolean,
): { recipeSha256: string; warning: string } | null {
  const different = start.fingerprint === null ? [] : differencesSince(start.fingerprint, now);
  if (different.length === 0) return null;
  const what = `the checkpoint of step ${start.step} was computed by another engine. ${describeDifferences(different)}`;
  if (!allowed)
    throw new UsageError(
      "engine-differs",
      `${what}. The run would end in other weights than its recipe_sha256 promises, so no step was made. Resume it on the engine that it was begun on, or go on with --allow-different-engine, under another recipe_sha256.`,
    );
  const recipeSha256 = sha256Of({ after: start.recipeSha256, step: start.step, engine: now });
  return {
    recipeSha256,
    warning: `${what}. Going on all the same; the weights will be others, and recipe_sha256 is ${recipeSha256} from here on.`,
  };
}

function sha256Of(value: unknown): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}
