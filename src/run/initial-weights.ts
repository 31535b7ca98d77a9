/** What a run begins from when `--init-weights` names a file: its tensors, and what they ask of the recipe. */
import { resolve } from "node:path";
import { readWeightsFile } from "../checkpoint/weights-file.js";
import type { Recipe } from "../config/recipe.js";
import { UsageError } from "../errors.js";
import type { TableModel } from "../models/choice.js";
import { namesOf, withTorchvisionOptions } from "../models/torchvision.js";
import type { WeightsFile } from "../models/warm-start.js";

export interface InitialWeights {
  /** With the options that the file's names ask for. */
  model: TableModel;
  /** With that model, the file's absolute path and its hash. */
  recipe: Recipe;
  file: WeightsFile;
}

/** UsageError `init-weights` for a file that cannot be read, or is another than the one whose hash the recipe has. */
export async function readInitialWeights(
  recipe: Recipe,
  given: TableModel,
  initWeights: string,
  channels: number,
): Promise<InitialWeights> {
  const path = resolve(initWeights);
  const called = `--init-weights ${path}`;
  const { tensors, sha256, metadata } = await readWeightsFile(path);
  const known = recipe.initWeightsSha256;
  if (known !== null && known !== sha256)
    throw new UsageError(
      "init-weights",
      `the weights in ${path} are not those that this run was begun with (SHA-256 ${sha256}, expected ${known}). Put the old file back, or start a new run.`,
    );
  // A recipe that knows its file is being repeated: its options are all written down. torchvision's images have colours.
  const model =
    known !== null || channels !== 3
      ? given
      : withTorchvisionOptions(given, { tensors, options: metadata.model_options });
  return {
    model,
    recipe: { ...recipe, model, initWeights: path, initWeightsSha256: sha256 },
    file: { called, tensors },
  };
}

/** Where images reach the network in [0, 1], and its weights, or a layer of its own, expect them normalised. */
export function normalizationWarning({ model, normalization }: Recipe, file: WeightsFile | null): string | null {
  if (normalization !== "none" || model.kind === "file") return null;
  const advice = "Add --normalization channel, unless the weights were trained without.";
  if (file !== null && namesOf(file.tensors) === "torchvision")
    return `${file.called} has torchvision's names: its published weights expect images normalised by ImageNet's mean and deviation, and this run leaves them in [0, 1]. ${advice}`;
  if (model.options.transformInput === true)
    return `${model.name}'s transformInput expects images normalised by ImageNet's mean and deviation, and this run leaves them in [0, 1]. ${advice}`;
  return null;
}
