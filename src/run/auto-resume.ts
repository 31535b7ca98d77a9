/** Whether a launch asks for the run that is in its folder already, and then for how much of it. Pure. */
import { resolve } from "node:path";
import type { Recipe, WrittenRecipe } from "../config/recipe.js";
import { canonicalJson, withoutPaths } from "../config/resolve.js";
import { UsageError } from "../errors.js";

/**
 * The recipe to go on by: that of the run, at the length and with the model's file that were asked for. UsageError
 * `run-differs` says what else was asked for in another way.
 */
export function recipeOfBoth(asked: Recipe, begun: Recipe, runDir: string): Recipe {
  const [mine, theirs] = [withoutPaths(completed(asked, begun)), withoutPaths(begun)];
  const keys = Object.keys({ ...theirs, ...mine }) as (keyof WrittenRecipe)[];
  const different = keys.flatMap((key) => {
    const [here, there] = [mine, theirs].map(({ [key]: value }) =>
      value === undefined ? "not given" : canonicalJson(value),
    );
    return here === there ? [] : [`${key} is ${there} there, ${here} here`];
  });
  if (different.length > 0)
    throw new UsageError(
      "run-differs",
      `--auto-resume: the run in ${runDir} has another recipe: ${different.join("; ")}. Give the options that it was begun with, or another --run-dir.`,
    );
  const model = begun.model.kind === "file" ? asked.model : begun.model;
  return { ...begun, model, epochs: asked.epochs, steps: asked.steps };
}

/** With what a run learns of its data and its files, and a launch does not know yet: that is compared as they are read. */
function completed(asked: Recipe, begun: Recipe): Recipe {
  const { epochs, steps } = begun;
  const known = { ...asked, epochs, steps, datasetSha256: asked.datasetSha256 ?? begun.datasetSha256 };
  const sameWeights =
    asked.initWeights !== null && begun.initWeights !== null && resolve(asked.initWeights) === begun.initWeights;
  if (!sameWeights || asked.initWeightsSha256 !== null) return known;
  const { initWeights, initWeightsSha256 } = begun;
  return { ...known, initWeights, initWeightsSha256, model: withOptionsOf(begun.model, asked.model) };
}

/** The names in a file of weights may ask for options of the network, which were added to those that were given. */
function withOptionsOf(begun: Recipe["model"], asked: Recipe["model"]): Recipe["model"] {
  if (begun.kind !== "table" || asked.kind !== "table" || begun.name !== asked.name) return asked;
  return { ...asked, options: { ...begun.options, ...asked.options } };
}
