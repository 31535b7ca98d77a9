/** A checkpoint on a test set: each image once, in one process. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import { openPipeline } from "../data/augment/pipeline.js";
import type { Dataset } from "../data/dataset.js";
import { indicesOf } from "../data/order.js";
import type { Engine } from "../engine/engine.js";
import { UsageError } from "../errors.js";
import type { ImageShape } from "../models/spec.js";
import { classified } from "./classified.js";
import { type Classifier, openClassifier } from "./classifier.js";
import { cutView, tenViews } from "./crops.js";
import { averageViews, type Scores, Tally } from "./scores.js";

/** `center`: the image as the network takes it. */
export type Protocol = "center" | "ten-crop" | "dense";

export interface EvaluateOptions {
  protocol: Protocol;
  /** After each chunk, with the images counted so far. */
  onProgress?: (done: number, all: number) => void;
  signal?: AbortSignal;
}

/** UsageError where the data do not fit the checkpoint or the protocol does not fit the images. */
export async function evaluate(
  engine: Engine,
  snapshot: Snapshot,
  dataset: Dataset,
  { protocol, onProgress, signal }: EvaluateOptions,
): Promise<Scores> {
  checkClasses(snapshot, dataset);
  const pipeline = openPipeline({
    augmentation: snapshot.recipe.augmentation,
    shape: dataset.shape,
    form: protocol === "center" ? "evaluation" : "whole",
    seed: snapshot.recipe.seed,
  });
  const named = { name: dataset.name, shape: pipeline.shape };
  const classify = await protocolOf(engine, snapshot, named, protocol);
  const tally = new Tally(dataset.classNames);
  const all = indicesOf({ start: 0, end: dataset.test.count });
  const source = { split: dataset.test, shape: dataset.shape, pipeline };
  for await (const { scores, labels, done } of classified(classify, source, all, signal)) {
    tally.add(scores, labels);
    onProgress?.(done, all.length);
  }
  return tally.scores();
}

/** Before TensorFlow is opened where possible: what is wrong with the request costs no time. */
export function checkClasses({ classNames, image, recipe }: Snapshot, dataset: Dataset): void {
  if (classNames.join("\n") !== dataset.classNames.join("\n"))
    throw new UsageError(
      "classes-differ",
      `the checkpoint was trained on ${recipe.dataset}'s ${classNames.length} classes (${some(classNames)}); ${dataset.name} has ${dataset.classNames.length} (${some(dataset.classNames)}). Evaluate on data of the same classes.`,
    );
  if (dataset.shape[2] !== image[2])
    throw new UsageError(
      "channels-differ",
      `the network takes ${image[2]} channels; the images of ${dataset.name} have ${dataset.shape[2]}.`,
    );
}

function some(names: readonly string[]): string {
  return names.length <= 5 ? names.join(", ") : `${names.slice(0, 5).join(", ")}, …`;
}

/** As the pipeline gives them. `advice`: what else can be done. */
export function checkSize(
  { image }: Snapshot,
  { shape, name }: { shape: ImageShape; name: string },
  advice = "",
): void {
  if (shape.join() !== image.join())
    throw new UsageError(
      "image-differs",
      `the network takes ${image.join("x")}; the images of ${name} are ${shape.join("x")}.${advice}`,
    );
}

type Classify = Classifier["classify"];

async function protocolOf(
  engine: Engine,
  snapshot: Snapshot,
  { shape, name }: { shape: ImageShape; name: string },
  protocol: Protocol,
): Promise<Classify> {
  if (protocol === "dense") {
    if (snapshot.recipe.model.kind === "file")
      throw new UsageError(
        "dense",
        "--dense needs a network of cnn-dist's own; of a model file nobody knows which layers are its head.",
      );
    return (await openClassifier(engine, snapshot, { denseOn: shape })).classify;
  }
  if (protocol === "ten-crop") {
    const views = tenViews(shape, snapshot.image);
    const { classify, input } = await openClassifier(engine, snapshot);
    return async (pixels) => {
      const results: Float64Array[] = [];
      for (const view of views) results.push(await classify(cutView(pixels, shape, view, input)));
      return averageViews(results);
    };
  }
  checkSize(snapshot, { shape, name }, " Use --ten-crop or --dense for larger ones.");
  return (await openClassifier(engine, snapshot)).classify;
}
