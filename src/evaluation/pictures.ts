/** Pictures of a checkpoint: what is needed is computed, and drawn. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import { openPipeline } from "../data/augment/pipeline.js";
import type { Dataset } from "../data/dataset.js";
import { ShardLoader } from "../data/loader.js";
import type { Engine } from "../engine/engine.js";
import { CnnDistError, UsageError } from "../errors.js";
import { count, plural } from "../format.js";
import { nameOf } from "../models/choice.js";
import type { ImageShape } from "../models/spec.js";
import { confusionDrawing } from "../pictures/confusion.js";
import type { Drawing } from "../pictures/drawing.js";
import { filtersDrawing, type Kernel } from "../pictures/filters.js";
import { mistakesDrawing, samplesDrawing } from "../pictures/images.js";
import { activationsDrawing, gradcamDrawing, type Looked } from "../pictures/insides.js";
import type { CheckpointPicture } from "../pictures/kinds.js";
import type { Source } from "./classified.js";
import { type Classifier, openClassifier } from "./classifier.js";
import { checkClasses, checkSize } from "./evaluate.js";
import { activationsOf, gradcamOf } from "./inside.js";
import { evenly, type Judgement, judge, LOOKED } from "./judge.js";
import { openNetwork } from "./network.js";
import { imageReader } from "./predict.js";

/** Pictures that need images of the data set; `activations` and `gradcam` do unless they are given one. */
export function needsImages(what: CheckpointPicture, image: string | null): boolean {
  return what !== "filters" && (image === null || !(what === "activations" || what === "gradcam"));
}

/** Images of a training set that stand in where there is no test set. */
const TRAINING_IMAGES = 10_000;

/** Pixels that are judged while a run goes on, and images at least and at most. */
const BESIDE_A_RUN = { pixels: 2 ** 20, least: 100, most: 1000 } as const;

/** Test images that a picture beside a running training is made of: as many as one thread judges in a moment. */
export function imagesOf([height, width]: ImageShape): number {
  const { pixels, least, most } = BESIDE_A_RUN;
  return Math.max(least, Math.min(most, Math.floor(pixels / (height * width))));
}

export interface Studio {
  /** UsageError `picture` where that picture cannot be drawn of this network; CnnDistError `not-finite`. */
  draw(what: CheckpointPicture): Promise<Drawing>;
  /** How many images of each class were right, of those that `confusion` shows. */
  classes(): Promise<Judgement["classes"]>;
}

export interface StudioOptions {
  /** Null: only pictures that need none are drawn. */
  dataset: Dataset | null;
  /** A file to look into the network with; null: the first image of the test set, or of the training set. */
  image: string | null;
  /** Images that are judged, evenly spaced; null: all of the test set. */
  most: number | null;
  signal?: AbortSignal;
  onProgress?: (done: number, all: number) => void;
}

/** `engine`: null draws filters alone, which are in the weights. What several pictures need is computed once. */
export function openStudio(engine: Engine | null, snapshot: Snapshot, options: StudioOptions): Studio {
  const { dataset, image } = options;
  const { classNames } = snapshot;
  const source = dataset && sourceOf(snapshot, dataset);
  const engineFor = () => engine ?? missing("TensorFlow");
  const images = () => source ?? missing("the data set");
  const classifier = once(async (): Promise<Classifier["classify"]> => {
    return (await openClassifier(engineFor(), snapshot)).classify;
  });
  const network = once(() => openNetwork(engineFor(), snapshot, { whole: true }));
  const judging = {
    ...(options.signal ? { signal: options.signal } : {}),
    onProgress: options.onProgress ?? (() => {}),
  };
  const judged = once(async (): Promise<Judgement> => {
    const indices = evenly(images().split.count, options.most ?? images().most);
    return judge(await classifier(), images(), classNames, { indices, ...judging });
  });
  const looked = once(async () => lookedAt(engineFor(), snapshot, source, image));
  const gallery = (shown: number) => ({ shape: snapshot.image, classNames, of: images().words(shown) });
  return {
    classes: async () => (await judged()).classes,
    async draw(what) {
      switch (what) {
        case "filters":
          return filtersDrawing(firstKernel(snapshot));
        case "samples": {
          const indices = evenly(images().split.count, LOOKED);
          const { samples } = await judge(await classifier(), images(), classNames, { indices, ...judging });
          return samplesDrawing(samples, gallery(images().split.count));
        }
        case "mistakes": {
          const judgement = await judged();
          return mistakesDrawing(judgement.mistakes, gallery(judgement.images), judgement);
        }
        case "confusion": {
          const { confusion, images } = await judged();
          return confusionDrawing({ classNames, matrix: confusion, of: gallery(images).of });
        }
        case "activations": {
          const { pixels, from } = await looked();
          const { guess, layers } = await activationsOf(engineFor(), await network(), pixels);
          return activationsDrawing(lookedOf(snapshot, pixels, from, guess), layers);
        }
        case "gradcam": {
          const { pixels, from } = await looked();
          const { guess, heat } = await gradcamOf(engineFor(), await network(), pixels);
          return gradcamDrawing(lookedOf(snapshot, pixels, from, guess), heat);
        }
      }
    },
  };
}

interface Images extends Source {
  /** That are judged at most. */
  most: number;
  /** "60 test images": so many of them. */
  words(shown: number): string;
}

/** The test set, or, where there is none, images of the training set. */
function sourceOf(snapshot: Snapshot, dataset: Dataset): Images {
  checkClasses(snapshot, dataset);
  const { augmentation, seed } = snapshot.recipe;
  const pipeline = openPipeline({ augmentation, shape: dataset.shape, form: "evaluation", seed });
  checkSize(snapshot, { name: dataset.name, shape: pipeline.shape });
  const tested = dataset.test.count > 0;
  const split = tested ? dataset.test : dataset.train;
  const [kind, kinds] = tested
    ? ["test image", "test images"]
    : ["training image (there is no test set)", "training images (there is no test set)"];
  return {
    split,
    shape: dataset.shape,
    pipeline,
    most: tested ? split.count : TRAINING_IMAGES,
    words: (shown) =>
      shown === split.count ? plural(shown, kind, kinds) : `${count(shown)} of ${plural(split.count, kind, kinds)}`,
  };
}

async function lookedAt(
  engine: Engine,
  snapshot: Snapshot,
  source: Images | null,
  image: string | null,
): Promise<{ pixels: Uint8Array; from: string }> {
  if (image !== null) return { pixels: await imageReader(engine, snapshot)(image), from: image };
  const { split, shape, pipeline } = source ?? missing("the data set");
  const { pixels, labels } = await new ShardLoader(split, shape, pipeline).take("first", [0]);
  return { pixels, from: `the first image (${snapshot.classNames[labels[0]!]})` };
}

function lookedOf(
  { image, classNames }: Snapshot,
  pixels: Uint8Array,
  from: string,
  { label, probability }: { label: number; probability: number },
): Looked {
  return { pixels, shape: image, from, guess: { name: classNames[label]!, probability } };
}

/** The kernel that sees the image itself; of a network without convolutions, the weights of its first dense layer as images. */
function firstKernel({ layout, weights, image, recipe }: Snapshot): Kernel {
  const [height, width, channels] = image;
  const found = layout.trainable.find(({ shape }) => shape.length === 4 || shape.length === 2);
  const [a = 0, b = 0, c = 0, d = 0] = found?.shape ?? [];
  const shape = found?.shape.length === 4 ? ([a, b, c, d] as const) : ([height, width, channels, b] as const);
  const size = shape.reduce((product, dim) => product * dim, 1);
  if (!found || size !== found.size)
    throw new UsageError(
      "picture",
      `${nameOf(recipe.model)} has no filters to show: none of its weights are the kernel of a convolution, or a dense layer over the ${image.join("x")} image (its parameters: ${layout.trainable.map(({ name }) => name).join(", ") || "none"}).`,
    );
  return { name: found.name, shape, values: weights.subarray(found.offset, found.offset + size) };
}

/** The work of a promise, done when it is first asked for. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | null = null;
  return () => {
    result ??= work();
    return result;
  };
}

function missing(what: string): never {
  throw new CnnDistError("unexpected", `a picture was asked for that needs ${what}, which was not opened`);
}
