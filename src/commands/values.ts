/** Schemas of values that several commands take. Those of recipe and placement are the recipe's and the placement's own. */
import { z } from "zod";
import { placementSchema } from "../config/placement.js";
import { writtenRecipeSchema } from "../config/recipe.js";
import { numberOr } from "./command.js";

export const flag = z.boolean().default(false);

/** NAME=VALUE words; numbers and true/false become what they look like. */
export const pairs = z
  .array(z.string())
  .transform((words, context) => {
    const values: Record<string, string | number | boolean> = {};
    for (const [index, word] of words.entries()) {
      const at = word.indexOf("=");
      if (at < 1) context.addIssue({ code: "custom", message: "NAME=VALUE", path: [index] });
      else values[word.slice(0, at)] = optionValue(word.slice(at + 1));
    }
    return values;
  })
  .optional();

function optionValue(text: string): string | number | boolean {
  return text === "true" || text === "false" ? text === "true" : numberOr(text);
}

/** How long to train: the only part of a recipe that `resume` may change. */
export const length = writtenRecipeSchema.pick({ epochs: true, steps: true }).partial().shape;

export const recipe = {
  recipe: z.string().min(1).optional(),
  model: z.string().min(1).optional(),
  modelOption: pairs,
  datasetOption: pairs,
  /** Steps have parameters of their own, so only a recipe's file can name them; a flag can leave them out. */
  augmentation: z
    .literal("none")
    .describe('Steps are named in a recipe\'s file, as "augmentation": [{ "step": "horizontalFlip" }].')
    .optional(),
  ...length,
  ...writtenRecipeSchema
    .pick({
      dataset: true,
      normalization: true,
      initWeights: true,
      initWeightsMode: true,
      batchSize: true,
      shards: true,
      accumulate: true,
      optimizer: true,
      lr: true,
      momentum: true,
      weightDecay: true,
      weightDecayExclude: true,
      lrScheduler: true,
      lrStepSize: true,
      lrGamma: true,
      lrWarmupEpochs: true,
      clipGradNorm: true,
      ema: true,
      compress: true,
      labelSmoothing: true,
      precision: true,
      threads: true,
      seed: true,
    })
    .partial().shape,
};

export type RecipeValues = z.infer<z.ZodObject<typeof recipe>>;

/** `metrics` is for the library alone. */
export const placement = placementSchema.omit({ metrics: true }).partial().shape;

/** Of a safetensors file in a checkpoint's place. */
export const weights = {
  recipe: recipe.recipe,
  model: recipe.model,
  modelOption: pairs,
  normalization: recipe.normalization,
  dataset: recipe.dataset,
  datasetOption: pairs,
};

export const output = { dryRun: flag, json: flag, quiet: flag };

export const path = z.string().min(1);
/** TensorFlow's threads where nothing runs beside it; absent: every core. */
export const threads = writtenRecipeSchema.shape.threads.optional();
