/** A file of weights in a checkpoint's place: the network by name, and what the file says of itself. No step is made. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { FILES } from "../checkpoint/format.js";
import type { Snapshot } from "../checkpoint/snapshot.js";
import { type ReadWeights, readWeightsFile } from "../checkpoint/weights-file.js";
import type { PixelStatistics } from "../config/pixel-statistics.js";
import type { Recipe } from "../config/recipe.js";
import { recipeSha256, resolveRecipe } from "../config/resolve.js";
import { networkShape } from "../data/augment/pipeline.js";
import type { Dataset } from "../data/dataset.js";
import { datasetFacts } from "../data/datasets.js";
import { publishedStatistics } from "../data/image-folder/image-folder.js";
import { pixelStatistics } from "../data/statistics.js";
import { UsageError } from "../errors.js";
import type { TableModel } from "../models/choice.js";
import { parametersOf } from "../models/parameters.js";
import { buildModel, modelFacts } from "../models/registry.js";
import type { ImageShape } from "../models/spec.js";
import { namesOf, withTorchvisionOptions } from "../models/torchvision.js";
import { classesIn, hasAuxiliary, warmStart } from "../models/warm-start.js";
import { NEW_SCHEDULE } from "../optim/schedule.js";
import { layoutOf } from "../parameters/layout.js";
import type { ReadDataset } from "./dataset.js";
import type { CheckpointControl } from "./options.js";

/** What is said of the file's network and of the data; what is left out comes from the file, where it says it. */
export interface WeightsRequest {
  model?: string | undefined;
  recipe?: string | undefined;
  modelOptions?: TableModel["options"] | undefined;
  dataset?: string | undefined;
  datasetOptions?: Recipe["datasetOptions"] | undefined;
  normalization?: Recipe["normalization"] | undefined;
}

/**
 * A snapshot of step 0 with the file's weights, every one of them. The data set is read where `always` says so, or where
 * one was named. UsageError `init-weights` for a file that does not fit, `usage` where its network is not known.
 */
export async function openWeights(
  path: string,
  request: WeightsRequest,
  { read, always }: { read: ReadDataset; always: boolean },
  { onWarning, signal }: Pick<CheckpointControl, "onWarning" | "signal">,
): Promise<{ snapshot: Snapshot; dataset: Dataset | null }> {
  if (existsSync(join(dirname(path), FILES.manifest)))
    throw new UsageError(
      "no-checkpoint",
      `${path} is part of a checkpoint. Give its folder, ${dirname(path)}, which knows the network.`,
    );
  const file = await readWeightsFile(path, path);
  const { recipe, model, natural } = recipeFor(path, request, file, always);
  const dataset =
    always || needsDataset(recipe, request, file)
      ? await read({ dataset: recipe.dataset, datasetOptions: recipe.datasetOptions })
      : null;
  const image = imageFor(recipe, dataset, dataset !== null || request.recipe !== undefined, natural);
  const classNames = file.metadata.class_names ?? dataset?.classNames ?? numbered(path, model, image, file);
  const statistics = await statisticsFor(recipe, request, dataset, image, file, signal);
  const spec = buildModel(model.name, { input: image, classes: classNames.length, options: model.options });
  const layout = layoutOf(parametersOf(spec));
  const values = { weights: new Float32Array(layout.size), state: new Float32Array(layout.stateSize) };
  const { names } = warmStart(spec, layout, values, { called: path, tensors: file.tensors }, "whole");
  const { normalization } = file.metadata;
  if (names === "torchvision" && normalization === undefined && request.normalization === undefined)
    onWarning?.(
      `${path} has torchvision's names: images are normalised by ImageNet's mean and deviation, as its published weights expect. --normalization none leaves them in [0, 1]; channel takes the statistics of the data.`,
    );
  const snapshot: Snapshot = {
    recipe,
    recipeSha256: recipeSha256(recipe),
    image,
    classNames,
    pixelStatistics: statistics,
    fingerprint: null,
    layout,
    step: 0,
    epoch: 0,
    stepInEpoch: 0,
    schedule: NEW_SCHEDULE,
    best: null,
    loss: null,
    evaluated: false,
    ...values,
    slots: {},
    ema: null,
    residuals: [],
  };
  return { snapshot, dataset };
}

/** The recipe by whose data and steps the network is used, with the options that the file asks for. */
function recipeFor(
  path: string,
  { model: name, recipe: recipeName, modelOptions, dataset, datasetOptions, normalization }: WeightsRequest,
  { tensors, metadata, sha256 }: ReadWeights,
  withData: boolean,
): { recipe: Recipe; model: TableModel; natural: ImageShape } {
  const chosen = name ?? (recipeName === undefined ? metadata.model : undefined);
  if (chosen === undefined && recipeName === undefined)
    throw new UsageError(
      "usage",
      `${path} is a file of weights that does not say of which network. Give --model NAME; 'cnn-dist models' lists them.`,
    );
  const resolved = resolveRecipe({
    model: chosen,
    recipe: recipeName,
    overrides: { dataset, datasetOptions },
    workers: 1,
  });
  if (resolved.model.kind === "file")
    throw new UsageError(
      "usage",
      `${path} holds the weights of a model file (${resolved.model.path}). Give the run's folder instead: it knows how to load them into the model.`,
    );
  const table = { ...resolved.model, options: { ...resolved.model.options, ...modelOptions } };
  const written = metadata.model === table.name ? metadata.model_options : undefined;
  const model = withHeads(
    withTorchvisionOptions({ ...table, options: { ...written, ...table.options } }, { tensors, options: written }),
    tensors,
  );
  const natural = (metadata.model === table.name ? metadata.input : undefined) ?? modelFacts(table.name).natural.input;
  // A network that is used by itself takes images as they are; a data set's or a recipe's go through the recipe's steps.
  const alone = !withData && dataset === undefined && recipeName === undefined;
  const recipe: Recipe = {
    ...resolved,
    model,
    ...(alone ? { augmentation: [] } : {}),
    datasetOptions: { ...sizeFor(resolved, natural), ...resolved.datasetOptions },
    normalization: normalization ?? normalizationIn({ tensors, metadata }) ?? resolved.normalization,
    initWeights: path,
    initWeightsSha256: sha256,
  };
  return { recipe, model, natural };
}

/** Auxiliary heads only where the file has some: nothing here trains them. */
function withHeads(model: TableModel, tensors: ReadWeights["tensors"]): TableModel {
  if (!("auxiliaryHeads" in modelFacts(model.name).options) || model.options.auxiliaryHeads !== undefined) return model;
  return hasAuxiliary(tensors) ? model : { ...model, options: { ...model.options, auxiliaryHeads: false } };
}

/** Image folders are read at the network's size where neither the user nor the recipe's steps say another. */
function sizeFor({ dataset, augmentation }: Recipe, [height, width, channels]: ImageShape): Recipe["datasetOptions"] {
  if (dataset !== "image-folder" || augmentation.length > 0 || height !== width) return {};
  return channels === 1 || channels === 3 ? { size: height, channels } : {};
}

/** What the file says, or what torchvision's published weights expect; null for a file that says nothing. */
function normalizationIn({
  tensors,
  metadata,
}: Pick<ReadWeights, "tensors" | "metadata">): Recipe["normalization"] | null {
  if (metadata.normalization !== undefined) return metadata.normalization === null ? "none" : "channel";
  return namesOf(tensors) === "torchvision" ? "channel" : null;
}

/** For the names of its classes, and for statistics that only its images tell. */
function needsDataset({ normalization, dataset }: Recipe, request: WeightsRequest, { metadata }: ReadWeights): boolean {
  const unknown = normalization === "channel" && !metadata.normalization;
  return request.dataset !== undefined || (request.recipe !== undefined && unknown && dataset !== "image-folder");
}

function imageFor(recipe: Recipe, dataset: Dataset | null, ofData: boolean, natural: ImageShape): ImageShape {
  if (!ofData) return natural;
  return networkShape(recipe.augmentation, dataset?.shape ?? datasetFacts(recipe.dataset, recipe.datasetOptions).shape);
}

/** The file's own, ImageNet's where torchvision's names alone ask for it, or the data's; null where pixels stay in [0, 1]. */
async function statisticsFor(
  { normalization }: Recipe,
  request: WeightsRequest,
  dataset: Dataset | null,
  [, , channels]: ImageShape,
  { tensors, metadata }: ReadWeights,
  signal: AbortSignal | undefined,
): Promise<PixelStatistics | null> {
  if (normalization === "none") return null;
  if (metadata.normalization) return { ...metadata.normalization, principal: null };
  const published = request.normalization === undefined && namesOf(tensors) === "torchvision";
  if (dataset && !published) return pixelStatistics(dataset, signal);
  if (channels === 1 || channels === 3) return publishedStatistics(channels);
  throw new UsageError(
    "config",
    `--normalization channel: nothing is known of images of ${channels} channels. Give the data set by --dataset.`,
  );
}

/** Where nobody names the classes: as many as the file has. */
function numbered(path: string, { name, options }: TableModel, image: ImageShape, { tensors }: ReadWeights): string[] {
  const classes = classesIn(buildModel(name, { input: image, classes: 2, options }), { called: path, tensors });
  if (classes !== null) return Array.from({ length: classes }, (_, index) => `class ${index}`);
  throw new UsageError(
    "usage",
    `${path} does not tell the number of classes. Give the data set that the network was trained on: --dataset NAME.`,
  );
}
