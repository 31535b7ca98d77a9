import { existsSync } from "node:fs";
import { UsageError } from "../errors.js";
import { type Prediction, predict as predictImages } from "../evaluation/predict.js";
import { openCheckpoint } from "./checkpoint.js";
import { datasetReader } from "./dataset.js";
import { openInference } from "./inference.js";
import { optionsOf, type PredictOptions, pathGiven, predictSchema } from "./options.js";
import { allowFound } from "./trust.js";

/** Classes that are given unless `top` says otherwise. */
const TOP = 5;

/**
 * What JPEG and PNG files show: for each, in their order, the `top` (5) most probable classes. `path`: a run's folder (its
 * newest checkpoint that is whole), a checkpoint's, or a safetensors file of weights. TensorFlow is opened in this process at the first image. UsageError
 * `image-file` for a file that is missing or damaged, `no-checkpoint` when there is none; rejects with the signal's reason.
 */
export async function* predict(
  path: string,
  images: readonly string[],
  options: PredictOptions = {},
): AsyncGenerator<Prediction, void, undefined> {
  pathGiven(path, "its first argument", "predict");
  if (!Array.isArray(images))
    throw new UsageError(
      "config",
      `predict: its second argument is a list of paths; received ${JSON.stringify(images) ?? "nothing"}.`,
    );
  for (const image of images) pathGiven(image, "each image", "predict");
  const values = optionsOf(predictSchema, options, "predict");
  const { top = TOP, trustModel, device, threads, dataDir, ...request } = values;
  const missing = images.find((image) => !existsSync(image));
  if (missing !== undefined) throw new UsageError("image-file", `image ${missing}: it does not exist`);
  const access = { read: datasetReader(dataDir, options), needsData: false };
  const { snapshot } = await openCheckpoint(path, request, access, options);
  allowFound(snapshot.recipe.model, { trustModel });
  const inference = await openInference(snapshot, { device, threads }, options);
  try {
    for await (const prediction of predictImages(inference.engine, snapshot, images, { top })) {
      options.signal?.throwIfAborted();
      yield prediction;
    }
  } finally {
    await inference.close();
  }
}
