/** Images of a split, some at a time, each with its log-probabilities. */
import type { Pipeline } from "../data/augment/pipeline.js";
import type { Split } from "../data/dataset.js";
import { ShardLoader } from "../data/loader.js";
import { evaluationChunks } from "../data/order.js";
import type { ImageShape } from "../models/spec.js";
import type { Classifier } from "./classifier.js";

/** Images as a data set has them, and what becomes of them. */
export interface Source {
  split: Split;
  shape: ImageShape;
  pipeline: Pipeline;
}

export interface Classified {
  /** As the pipeline gives them; they may be overwritten once the next ones are asked for. */
  pixels: Uint8Array;
  labels: Int32Array;
  /** [labels.length, classes] */
  scores: Float64Array;
  /** Images so far. */
  done: number;
}

/** Images that are computed at once: bounded, since large ones need gigabytes for their activations. */
const CHUNK_PIXELS = 64 * 224 * 224;
const CHUNK_IMAGES = 250;

/** Those of `indices`, in their order; the next are read while some are computed. Rejects with the signal's reason. */
export async function* classified(
  classify: Classifier["classify"],
  { split, shape, pipeline }: Source,
  indices: readonly number[],
  signal?: AbortSignal,
): AsyncGenerator<Classified, void, undefined> {
  const [height, width] = pipeline.shape;
  const loader = new ShardLoader(split, shape, pipeline);
  const most = Math.max(1, Math.min(CHUNK_IMAGES, Math.floor(CHUNK_PIXELS / (height * width))));
  const chunks = evaluationChunks(indices.length, most).map(({ start, end }) => indices.slice(start, end));
  let done = 0;
  for (const [place, chunk] of chunks.entries()) {
    signal?.throwIfAborted();
    const { pixels, labels, release } = await loader.take(`${place}`, chunk);
    const classifying = classify(pixels);
    const next = chunks[place + 1];
    if (next) loader.prepare(`${place + 1}`, next);
    try {
      const scores = await classifying;
      done += chunk.length;
      yield { pixels, labels, scores, done };
    } finally {
      release();
    }
  }
}
