/** What image files show, by a checkpoint's network. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import { openPipeline } from "../data/augment/pipeline.js";
import { datasetFacts } from "../data/datasets.js";
import { fitImage } from "../data/fit.js";
import { imageBytes } from "../data/image-bytes.js";
import { inspectImage } from "../data/image-file/inspect.js";
import { readImageFile } from "../data/image-file/read.js";
import type { Engine } from "../engine/engine.js";
import { messageOf, UsageError } from "../errors.js";
import { openClassifier } from "./classifier.js";

export interface Prediction {
  image: string;
  /** Most probable first. */
  classes: { name: string; probability: number }[];
}

/** One after the other, as they are read. UsageError `image-file` as `imageReader` throws it. */
export async function* predict(
  engine: Engine,
  snapshot: Snapshot,
  images: readonly string[],
  { top }: { top: number },
): AsyncGenerator<Prediction> {
  const read = imageReader(engine, snapshot);
  const { classify } = await openClassifier(engine, snapshot);
  for (const image of images) {
    const scores = await classify(await read(image));
    const classes = snapshot.classNames
      .map((name, index) => ({ name, probability: Math.exp(scores[index]!) }))
      .sort((a, b) => b.probability - a.probability)
      .slice(0, top);
    yield { image, classes };
  }
}

/**
 * From a file to what the network takes. An image's short side is resized to that of the data set's images, and its centre
 * cut out; it is made gray where the network takes one channel. Then it goes through the recipe's steps as in evaluation.
 * UsageError `image-file` for a file that is missing, damaged, too large, not a regular file or neither JPEG nor PNG.
 */
export function imageReader(engine: Engine, snapshot: Snapshot): (path: string) => Promise<Uint8Array> {
  const channels = channelsOf(snapshot);
  const { dataset, datasetOptions, augmentation, seed } = snapshot.recipe;
  const { shape } = datasetFacts(dataset, datasetOptions);
  const { apply } = openPipeline({ augmentation, shape, form: "evaluation", seed });
  const pixels = new Uint8Array(imageBytes(snapshot.image));
  return async (path) => {
    const decoded = await readImage(engine, path, channels);
    const fitted = fitImage(decoded, apply ? shape : snapshot.image);
    apply?.(fitted, pixels, 0, 0);
    return apply ? pixels : fitted;
  };
}

function channelsOf({ image, recipe }: Snapshot): 1 | 3 {
  const [, , channels] = image;
  if (channels === 1 || channels === 3) return channels;
  throw new UsageError(
    "image-file",
    `the network was trained on ${recipe.dataset}'s images of ${channels} channels, which no image file has (1 or 3).`,
  );
}

async function readImage(engine: Engine, path: string, channels: 1 | 3) {
  const refuse = (what: string, cause?: unknown) => new UsageError("image-file", `image ${what}`, { cause });
  const file = await readImageFile(path);
  const { fault } = inspectImage(file); // before it is decoded: a small file can be an image of gigabytes
  if (fault !== null) throw refuse(`${path}: ${fault}`);
  try {
    const [decoded] = await engine.decodeImages([path], channels);
    return decoded!;
  } catch (error) {
    throw refuse(messageOf(error), error);
  }
}
