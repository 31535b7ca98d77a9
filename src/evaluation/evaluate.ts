/** A checkpoint on a test set: each image once, in one process. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import { openPipeline } from "../data/augment/pipeline.js";
import type { Dataset } from "../data/dataset.js";
import { ShardLoader } from "../data/loader.js";
import { evaluationChunks, indicesOf } from "../data/order.js";
import type { Engine } from "../engine/engine.js";
import { UsageError } from "../errors.js";
import type { ImageShape } from "../models/spec.js";
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

/** Images that are computed at once: bounded, since large ones need gigabytes for their activations. */
const CHUNK_PIXELS = 64 * 224 * 224;
const CHUNK_IMAGES = 250;

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
  const { shape } = pipeline;
  const classify = await protocolOf(engine, snapshot, { name: dataset.name, shape }, protocol);
  const loader = new ShardLoader(dataset.test, dataset.shape, pipeline);
  const tally = new Tally(dataset.classNames);
  const chunks = evaluationChunks(
    dataset.test.count,
    Math.max(1, Math.min(CHUNK_IMAGES, Math.floor(CHUNK_PIXELS / (shape[0] * shape[1])))),
  );
  for (const [place, { start, end }] of chunks.entries()) {
    signal?.throwIfAborted();
    const { pixels, labels, release } = await loader.take(`${start}`, indicesOf({ start, end }));
    const classifying = classify(pixels).finally(release);
    const next = chunks[place + 1];
    if (next) loader.prepare(`${next.start}`, indicesOf(next));
    tally.add(await classifying, labels);
    onProgress?.(end, dataset.test.count);
  }
  return tally.scores();
}

/** Before TensorFlow is opened where possible: what is wrong with the request costs no time. */
function checkClasses({ classNames, image, recipe }: Snapshot, dataset: Dataset): void {
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
  if (shape.join() !== snapshot.image.join())
    throw new UsageError(
      "image-differs",
      `the network takes ${snapshot.image.join("x")}; the images of ${name} are ${shape.join("x")}. Use --ten-crop or --dense for larger ones.`,
    );
  return (await openClassifier(engine, snapshot)).classify;
}
