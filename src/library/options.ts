/** The options of the library's functions: their types, and the schemas that check them. docs/library.md lists them. */
import { z } from "zod";
import { type Placement, placementSchema } from "../config/placement.js";
import { type RecipeInput, type WrittenRecipe, writtenRecipeSchema } from "../config/recipe.js";
import { validate } from "../config/validate.js";
import { UsageError } from "../errors.js";
import type { HeldBack } from "../events.js";
import { FORMATS, NAMES } from "../export/export.js";
import { PICTURES } from "../pictures/kinds.js";

/** What every function takes besides its options. */
export interface Control {
  /** Aborting stops the work as soon as possible. */
  signal?: AbortSignal | undefined;
  /** Told of downloads and of images done: bytes, or what `unit` names. */
  onProgress?: ((progress: ProgressReport) => void) | undefined;
}
/** For functions that train. */
export interface WatchControl {
  /** Told what holds the run back now, in a sentence, when that changes: at most once a second. */
  onHeldBack?: ((told: HeldBack) => void) | undefined;
}
export interface ProgressReport {
  what: string;
  received: number;
  /** Null: not known. */
  total: number | null;
  unit?: string;
}

/** For functions that read a checkpoint. */
export interface CheckpointControl extends Control {
  /** Told of what is worth a warning, such as a newer checkpoint that is damaged and was passed over. */
  onWarning?: ((text: string) => void) | undefined;
}

const { workers, device, dataDir, runDir: _, autoResume: __, ...placementOfRun } = placementSchema.partial().shape;
const where = { device, dataDir };
const best = z.boolean().optional();
/** Run the module that the folder names, though it is not in the list of those that this user trained with. */
const trustModel = z.boolean().optional();
/** Of a checkpoint that has a moving average of its weights: the weights themselves. */
const rawWeights = z.boolean().optional();
const threads = writtenRecipeSchema.shape.threads.optional();

export const trainSchema = z.strictObject({
  recipe: z.string().min(1).optional(),
  ...writtenRecipeSchema.partial().shape,
  gpus: workers,
  ...placementSchema.partial().shape,
  dryRun: z.boolean().optional(),
});
export const resumeSchema = z.strictObject({
  ...writtenRecipeSchema.pick({ epochs: true, steps: true }).partial().shape,
  gpus: workers,
  workers,
  ...where,
  ...placementOfRun,
  allowDifferentEngine: z.boolean().optional(),
  dryRun: z.boolean().optional(),
  trustModel,
});
export const verifySchema = z.strictObject({ gpus: workers, workers, ...where, trustModel });
/** Of a safetensors file in a checkpoint's place: which network it is of, and what images it takes. */
const weights = {
  recipe: z.string().min(1).optional(),
  ...writtenRecipeSchema
    .pick({ model: true, modelOptions: true, normalization: true, dataset: true, datasetOptions: true })
    .partial().shape,
};
export const evaluateSchema = z.strictObject({
  best,
  rawWeights,
  trustModel,
  ...weights,
  tenCrop: z.boolean().optional(),
  dense: z.boolean().optional(),
  ...where,
  threads,
});
export const predictSchema = z.strictObject({
  best,
  rawWeights,
  trustModel,
  top: z
    .number()
    .int()
    .min(1)
    .max(2 ** 31 - 1)
    .optional(),
  ...weights,
  ...where,
  threads,
});
export const pictureSchema = z.strictObject({
  what: z.enum(PICTURES),
  image: z.string().min(1).optional(),
  output: z.string().min(1).nullable().optional(),
  best,
  rawWeights,
  trustModel,
  ...weights,
  ...where,
  threads,
});
export const reportSchema = z.strictObject({
  output: z.string().min(1).optional(),
  best,
  trustModel,
  ...where,
  threads,
});
export const exportSchema = z.strictObject({
  format: z.enum(FORMATS),
  names: z.enum(NAMES).optional(),
  output: z.string().min(1).optional(),
  best,
  rawWeights,
  ...weights,
  dataDir,
});

/** Recipe and placement keys, flat; what is left out comes from the recipe file, or from the placement's defaults. */
export type TrainOptions = { -readonly [K in keyof WrittenRecipe]?: RecipeInput[K] | undefined } & {
  -readonly [K in keyof Placement]?: Placement[K] | undefined;
} & {
  /** A recipe's name, or a file. */
  recipe?: string | undefined;
  /** The same as `workers`. */
  gpus?: number | null | undefined;
  /** Only the plan: everything is checked, the `plan` event comes, and no worker starts. */
  dryRun?: boolean | undefined;
} & Control &
  WatchControl;
export type ResumeOptions = z.input<typeof resumeSchema> & Control & WatchControl;
export type VerifyOptions = z.input<typeof verifySchema> &
  Pick<Control, "signal"> & {
    /** Called with the number of each step that was replayed. */
    onStep?: ((step: number) => void) | undefined;
  };
export type EvaluateOptions = z.input<typeof evaluateSchema> & CheckpointControl;
export type PredictOptions = z.input<typeof predictSchema> & CheckpointControl;
export type PictureOptions = z.input<typeof pictureSchema> & CheckpointControl;
export type ReportOptions = z.input<typeof reportSchema> & CheckpointControl;
export type ExportOptions = z.input<typeof exportSchema> & CheckpointControl;

const CONTROL = ["signal", "onProgress", "onHeldBack", "onWarning", "onStep"];

/** UsageError `config` names the function, the argument and what was received. */
export function pathGiven(value: unknown, argument: string, of: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new UsageError("config", `${of}: ${argument} is a path; received ${JSON.stringify(value) ?? "nothing"}.`);
}

/** What was given in the place of the options, if it is an object. */
export function objectGiven<T extends object>(value: T, of: string): T {
  if (typeof value === "object" && value !== null) return value;
  throw new UsageError("config", `${of}: its options are an object; received ${JSON.stringify(value) ?? "nothing"}.`);
}

/** Checked, without callbacks and signal. UsageError names the function, the option and what was received. */
export function optionsOf<T>(schema: z.ZodType<T>, options: object, of: string): T {
  const plain = Object.entries(objectGiven(options, of)).filter(
    ([key, value]) => !CONTROL.includes(key) && value !== undefined,
  );
  return validate(schema, Object.fromEntries(plain), of);
}

/** `gpus` is `workers` by another name. */
export function workersOf(
  { gpus, workers }: { gpus?: number | null | undefined; workers?: number | null | undefined },
  of: string,
): number | null {
  if (gpus != null && workers != null && gpus !== workers)
    throw new UsageError(
      "config",
      `${of}: "gpus" and "workers" are two names of one option; received ${gpus} and ${workers}. Give one of them.`,
    );
  return gpus ?? workers ?? null;
}
