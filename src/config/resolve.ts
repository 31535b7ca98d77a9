/** From a model's or recipe's name and the flags to the one recipe in force. Recipe files are the only source of defaults. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { messageOf, UsageError } from "../errors.js";
import { count } from "../format.js";
import { unknownModel } from "../models/registry.js";
import { assertSameModel, isModelPath, readUserModelFile } from "../models/user-file.js";
import { nearest } from "../nearest.js";
import {
  MAX_SHARDS,
  type Recipe,
  type RecipeFile,
  type RecipeInput,
  recipeCodec,
  recipeFileSchema,
  type WrittenRecipe,
  written,
  writtenRecipeSchema,
} from "./recipe.js";
import { validate } from "./validate.js";

export const RECIPES_DIR = fileURLToPath(new URL("../../../recipes", import.meta.url));
export const DEFAULT_MODEL = "lenet5";
/** Shards of a run whose recipe names none; with more workers than that, their number. */
export const DEFAULT_SHARDS = 4;

/** What may be set over a recipe file. */
export type RecipeOverrides = { readonly [K in keyof WrittenRecipe]?: RecipeInput[K] | undefined };

export interface RecipeRequest {
  /** A network's name, or a path to a model of the user's own. */
  model?: string | undefined;
  /** A recipe's name (recipes/NAME.json) or a file. */
  recipe?: string | undefined;
  overrides: RecipeOverrides;
  /** Workers that will be started, as far as known: only the default number of shards follows it. */
  workers: number;
}

export function recipeNames(): string[] {
  return readdirSync(RECIPES_DIR)
    .filter((file) => file.endsWith(".json") && file !== "default.json")
    .map((file) => file.slice(0, -".json".length))
    .sort();
}

/** Throws UsageError naming the flag or file, what was received and what is expected. */
export function resolveRecipe(request: RecipeRequest): Recipe {
  const named = namedRecipe(request);
  const overrides = Object.fromEntries(Object.entries(request.overrides).filter(([, value]) => value !== undefined));
  const model = request.model ?? named.model ?? DEFAULT_MODEL;
  const { about: _, ...fallback } = readRecipeFile(join(RECIPES_DIR, "default.json"));
  const merged: Record<string, unknown> = {
    modelOptions: {},
    modelSha256: null,
    datasetOptions: {},
    datasetSha256: null,
    initWeights: null,
    initWeightsSha256: null,
    initWeightsMode: "strict",
    steps: null,
    shards: Math.max(DEFAULT_SHARDS, request.workers),
    ...fallback,
    ...named,
    ...lengthOf(overrides),
    ...overrides,
    model,
  };
  delete merged.about;
  const recipe = validate(writtenRecipeSchema, merged, null);
  checkTogether(recipe);
  return z.decode(recipeCodec, isModelPath(recipe.model) ? withFile(recipe) : recipe);
}

/** The recipe of a model of the user's own, with the hash that its file has now. */
function withFile(recipe: WrittenRecipe): WrittenRecipe {
  const { path, sha256 } = readUserModelFile(recipe.model);
  assertSameModel({ path, sha256: recipe.modelSha256 ?? sha256 }, sha256);
  const [option] = Object.keys(recipe.modelOptions);
  if (option !== undefined)
    throw new UsageError(
      "model-option",
      `model ${recipe.model} is a file and has no option "${option}"; it takes none.`,
    );
  return { ...recipe, model: path, modelSha256: sha256 };
}

/** A length on the command line replaces the recipe's, whichever unit either is in. */
export function lengthOf({ steps, epochs }: Record<string, unknown>): Record<string, null> {
  if (steps !== undefined && epochs === undefined) return { epochs: null };
  if (epochs !== undefined && steps === undefined) return { steps: null };
  return {};
}

function namedRecipe({ model, recipe }: RecipeRequest): RecipeFile {
  if (recipe !== undefined) {
    const builtIn = join(RECIPES_DIR, `${recipe}.json`);
    if (!/[\\/]/.test(recipe) && existsSync(builtIn)) return readRecipeFile(builtIn);
    if (existsSync(recipe)) return readRecipeFile(recipe);
    throw new UsageError(
      "unknown-recipe",
      `--recipe: there is no recipe and no file "${recipe}"${nearest(recipe, recipeNames())}. Recipes: ${recipeNames().join(", ")}.`,
    );
  }
  const name = model ?? DEFAULT_MODEL;
  if (isModelPath(name)) return {};
  const file = join(RECIPES_DIR, `${name}.json`);
  if (existsSync(file)) return readRecipeFile(file);
  throw unknownModel(name);
}

export function readRecipeFile(path: string): RecipeFile {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    throw new UsageError("recipe-file", `${path} cannot be read as a recipe: ${messageOf(error)}`, { cause: error });
  }
  return validate(recipeFileSchema, value, path);
}

function checkTogether(recipe: WrittenRecipe): void {
  if (recipe.batchSize < recipe.shards) {
    throw new UsageError(
      "config",
      `--batch-size ${recipe.batchSize} is smaller than --shards ${recipe.shards}: each shard needs an image of every batch. Raise --batch-size or lower --shards.`,
    );
  }
  const { shards, accumulate = 1 } = recipe;
  if (shards * accumulate > MAX_SHARDS)
    throw new UsageError(
      "config",
      `--shards ${shards} and --accumulate ${accumulate} make ${count(shards * accumulate)} shards a step; at most ${count(MAX_SHARDS)} are possible. Lower one of them; a larger --batch-size with fewer shards makes steps as large.`,
    );
  if (recipe.steps === null && recipe.epochs === null)
    throw new UsageError("config", "--epochs or --steps: one of them must say how long to train; received neither");
  if (recipe.lrScheduler === "cosine" && recipe.epochs === null && recipe.steps === null)
    throw new UsageError("config", "--lr-scheduler cosine needs an end: give --epochs or --steps");
}

/** JSON with its keys in order, so that equal recipes give equal text. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/**
 * Names the promise: equal hashes, equal weights_sha256 (on engines with equal fingerprints). Of a model of one's
 * own, and of weights to begin from, it is the file's hash that counts, not where it lies.
 */
export function recipeSha256(recipe: Recipe): string {
  return createHash("sha256")
    .update(canonicalJson(withoutPaths(recipe)))
    .digest("hex");
}

/** As written, but files that are known by their hash lose their paths. */
export function withoutPaths(recipe: Recipe): WrittenRecipe {
  return {
    ...written(recipe),
    ...(recipe.model.kind === "file" ? { model: "" } : {}),
    initWeights: recipe.initWeightsSha256 === null ? recipe.initWeights : "",
  };
}
