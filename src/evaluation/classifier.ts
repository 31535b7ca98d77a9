/** A checkpoint's network, ready to tell what images show. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import { normalizationOf } from "../config/pixel-statistics.js";
import type { Engine, TracedFunction } from "../engine/engine.js";
import { flatVariables } from "../layers/network.js";
import { scaledPixels } from "../layers/scaled-pixels.js";
import { checkpointSpec } from "../models/checkpoint-spec.js";
import { denseForm } from "../models/dense-form.js";
import type { ImageShape, ModelSpec } from "../models/spec.js";
import { type LoadedNetwork, openNetwork, tableNetwork } from "./network.js";
import { logProbabilities } from "./scores.js";

export interface Classifier {
  /** What `classify` takes. */
  readonly input: ImageShape;
  /** Of images as the data set has them (uint8 NHWC, whole ones of `input`'s shape): [count, classes]. */
  logits(pixels: Uint8Array): Promise<Float32Array>;
  /** Log-probabilities [count, classes]. */
  classify(pixels: Uint8Array): Promise<Float64Array>;
}

/**
 * `denseOn`: the network's dense form for images of that shape. UsageError `dense` where it has none; what a user model's
 * file may lack as in training.
 */
export async function openClassifier(
  engine: Engine,
  snapshot: Snapshot,
  { denseOn = null }: { denseOn?: ImageShape | null } = {},
): Promise<Classifier> {
  const { model } = snapshot.recipe;
  if (model.kind === "file" || denseOn === null) return classifier(engine, await openNetwork(engine, snapshot));
  const normalizedBy = normalizationOf(snapshot.recipe, snapshot.pixelStatistics);
  const dense = denseForm(checkpointSpec(snapshot, model), denseOn);
  return classifier(engine, tableNetwork(engine, dense, { ...snapshot, normalizedBy }));
}

/** A table with the weights that a snapshot has for it, by name. */
export function classifierOf(
  engine: Engine,
  spec: ModelSpec,
  snapshot: Parameters<typeof tableNetwork>[2],
): Classifier {
  return classifier(engine, tableNetwork(engine, spec, snapshot));
}

/** The full chunk and the last one. */
const MAX_TRACED_FUNCTIONS = 2;

function classifier(engine: Engine, loaded: LoadedNetwork): Classifier {
  const { network, vectors, input, classes, rubbish } = loaded;
  const traced = new Map<number, TracedFunction>();
  const functionFor = (images: number): TracedFunction => {
    const found = traced.get(images) ?? network.calling(() => trace(engine, loaded, [images, ...input]));
    traced.set(images, found);
    for (const [size, other] of traced) {
      if (traced.size <= MAX_TRACED_FUNCTIONS || size === images) continue;
      other.dispose();
      traced.delete(size);
    }
    return found;
  };
  const imageBytes = input.reduce((product, dim) => product * dim, 1);
  const logits = async (pixels: Uint8Array) => {
    const images = pixels.length / imageBytes;
    const { outputs } = await functionFor(images).run({ inputs: [pixels], variables: vectors, onStream: () => {} });
    return outputs[0]!;
  };
  return { input, logits, classify: async (pixels) => logProbabilities(await logits(pixels), classes, rubbish) };
}

function trace(
  engine: Engine,
  { network, layout, normalizedBy }: LoadedNetwork,
  shape: readonly number[],
): TracedFunction {
  const { tf } = engine;
  return engine.trace({
    name: `logits of ${shape[0]} images`,
    inputs: [{ dtype: "uint8", shape }],
    variables: flatVariables(network, layout),
    assigned: [],
    body: ([pixels]) => {
      const seed = tf.tensor1d([0, 0], "int32"); // nothing draws in evaluation
      return {
        streams: [],
        outputs: [network.forward(scaledPixels(tf, pixels!, normalizedBy), { training: false, seed })],
      };
    },
  });
}
