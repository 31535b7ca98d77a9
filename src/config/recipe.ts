import { z } from "zod";
import type { ModelChoice } from "../models/choice.js";
import { augmentationSchema } from "./augmentation.js";
import { compressionSchema } from "./compression.js";

const positive = z.number().positive().finite();
const share = z.number().min(0).max(1);
const count = z
  .number()
  .int()
  .min(1)
  .max(2 ** 31 - 1);

/** Of a step: the reduction tree's kernels and messages are made for so many. */
export const MAX_SHARDS = 1024;
export const OPTIMIZERS = ["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop"] as const;
export const SCHEDULERS = ["constant", "step", "cosine", "plateau"] as const;
export const PRECISIONS = ["fp32", "bf16"] as const;
export const NORMALIZATIONS = ["none", "channel"] as const;
export const WEIGHT_DECAY_EXCLUSIONS = ["none", "biasAndNorm"] as const;
export const INIT_MODES = ["strict", "partial"] as const;
const optionValue = z.union([z.string(), z.number(), z.boolean()]);

/**
 * The recipe as it is written: on disk, on the wire, in `--json` and in the library's options. Everything that decides a
 * run's result, flat, as the command line is. Numbers out of range name the flag, the value received and the range.
 * `null` means "not used" or, for the checksums, "not known yet".
 */
export const writtenRecipeSchema = z.strictObject({
  /** A network's name, or a path to a model of the user's own (then `modelSha256` is the file's). */
  model: z.string().min(1),
  modelOptions: z.record(z.string(), optionValue),
  modelSha256: z.string().nullable(),
  dataset: z.string().min(1),
  datasetOptions: z.record(z.string(), optionValue),
  datasetSha256: z.string().nullable(),
  /** `channel`: pixels in [0, 1] minus the training set's mean, over its deviation, each channel by itself. */
  normalization: z.enum(NORMALIZATIONS),
  /** Steps, in order, between the data set's images and the network's. */
  augmentation: augmentationSchema,
  /** A safetensors file that training begins from, and its hash; null: from the seed alone. */
  initWeights: z.string().min(1).nullable(),
  initWeightsSha256: z.string().nullable(),
  /** `partial`: what the file lacks, or has in another shape, keeps its seeded value. */
  initWeightsMode: z.enum(INIT_MODES),
  /** Images of a batch, over all its shards. */
  batchSize: count,
  /** Of a batch. */
  shards: z.number().int().min(1).max(MAX_SHARDS),
  /** Batches whose gradients are added before a step is committed. Absent: 1. */
  accumulate: z.number().int().min(1).max(MAX_SHARDS).optional(),
  epochs: count.nullable(),
  /** A run ends at `steps` or `epochs`, whichever comes first; at least one is set. */
  steps: count.nullable(),
  optimizer: z.enum(OPTIMIZERS),
  lr: positive,
  momentum: share,
  beta1: share,
  beta2: share,
  rho: share,
  epsilon: positive,
  weightDecay: z.number().min(0).finite(),
  /**
   * `biasAndNorm`: weight decay passes over biases and batch normalisation's scale and offset (Goyal et al. 2017,
   * arXiv:1706.02677, section 5.1; He et al. 2019, arXiv:1812.01187, section 3.1). Absent: `none`.
   */
  weightDecayExclude: z.enum(WEIGHT_DECAY_EXCLUSIONS).optional(),
  lrScheduler: z.enum(SCHEDULERS),
  /** Epochs between two cuts of `step`. */
  lrStepSize: count,
  /** Factor of a cut, for `step` and `plateau`. */
  lrGamma: z.number().gt(0).max(1),
  /** Evaluations without improvement before `plateau` cuts. */
  lrPatience: z.number().int().min(0),
  /** Linear from 0, in epochs; fractions are allowed. */
  lrWarmupEpochs: z.number().min(0).finite(),
  clipGradNorm: positive.nullable(),
  /**
   * Decay of the exponential moving average of weights and moving statistics, which is then what is evaluated, predicted
   * with and exported. Null or absent: none is kept.
   */
  ema: z.number().gt(0).lt(1).nullable().optional(),
  /** What travels of a shard's gradient: docs/compression.md. Absent: `none`, all of it. */
  compress: compressionSchema.optional(),
  /**
   * Share a of the target that is spread evenly: (1 - a) * one-hot + a / classes, as PyTorch's cross_entropy does it
   * (Szegedy et al. 2016, arXiv:1512.00567, section 7).
   */
  labelSmoothing: z.number().min(0).lt(1),
  precision: z.enum(PRECISIONS),
  /** Threads of TensorFlow a worker. */
  threads: z.number().int().min(1).max(256),
  seed: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
});

export type WrittenRecipe = z.infer<typeof writtenRecipeSchema>;
/** What may be written: a step of the augmentation that leaves something out has its usual value. */
export type RecipeInput = z.input<typeof writtenRecipeSchema>;

/**
 * What an absent key means. These values are never written, so that hashes of recipes from before a key stay as they are.
 */
export const UNWRITTEN = { weightDecayExclude: "none", accumulate: 1, ema: null, compress: "none" } as const;
type Unwritten = keyof typeof UNWRITTEN;

/** The recipe in memory: its model is a table or a file, decided once, when it is read. */
export type Recipe = Omit<WrittenRecipe, "model" | "modelOptions" | "modelSha256" | Unwritten> & {
  model: ModelChoice;
} & { [Key in Unwritten]: Exclude<WrittenRecipe[Key], undefined> };

/** Between the two: every boundary of the process decodes once. */
export const recipeCodec = z.codec(writtenRecipeSchema, z.custom<Recipe>(), {
  decode({ model, modelOptions, modelSha256, ...given }, context): Recipe {
    const {
      weightDecayExclude = UNWRITTEN.weightDecayExclude,
      accumulate = UNWRITTEN.accumulate,
      ema = UNWRITTEN.ema,
      compress = UNWRITTEN.compress,
      ...others
    } = given;
    const rest = { ...others, weightDecayExclude, accumulate, ema, compress };
    if (modelSha256 === null) return { model: { kind: "table", name: model, options: modelOptions }, ...rest };
    if (Object.keys(modelOptions).length > 0) {
      const message = "no options for a model that is a file";
      context.issues.push({ code: "custom", path: ["modelOptions"], input: modelOptions, message });
      return z.NEVER;
    }
    return { model: { kind: "file", path: model, sha256: modelSha256 }, ...rest };
  },
  encode: written,
});

/** What is written of a recipe. */
export function written({ model, ...others }: Recipe): WrittenRecipe {
  const rest: Omit<WrittenRecipe, "model" | "modelOptions" | "modelSha256"> = { ...others };
  for (const key of Object.keys(UNWRITTEN) as Unwritten[]) if (rest[key] === UNWRITTEN[key]) delete rest[key];
  return model.kind === "table"
    ? { model: model.name, modelOptions: { ...model.options }, modelSha256: null, ...rest }
    : { model: model.path, modelOptions: {}, modelSha256: model.sha256, ...rest };
}

/** What a recipe file may say: any part of a recipe; a file of `recipes/` names at least its model. */
export const recipeFileSchema = z.strictObject({
  ...writtenRecipeSchema.partial().shape,
  /** For people: what the run is, its source, what to expect and what was measured. */
  about: z
    .strictObject({
      title: z.string(),
      source: z.string().optional(),
      expected: z.string().optional(),
      measured: z.string().optional(),
    })
    .optional(),
});
export type RecipeFile = z.infer<typeof recipeFileSchema>;
