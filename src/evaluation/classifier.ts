/** A checkpoint's network, ready to tell what images show. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import { normalizationOf } from "../config/pixel-statistics.js";
import type { Engine, TracedFunction } from "../engine/engine.js";
import { CnnDistError } from "../errors.js";
import { buildNetwork } from "../layers/build.js";
import { flatVariables, type Network } from "../layers/network.js";
import { type ChannelStatistics, scaledPixels } from "../layers/scaled-pixels.js";
import { loadUserModel } from "../layers/user-model.js";
import { checkpointSpec } from "../models/checkpoint-spec.js";
import type { FileModel } from "../models/choice.js";
import { denseForm } from "../models/dense-form.js";
import { parametersOf } from "../models/parameters.js";
import type { ImageShape, ModelSpec } from "../models/spec.js";
import { type Layout, layoutOf } from "../parameters/layout.js";
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
  if (model.kind === "file") return userClassifier(engine, snapshot, model);
  const plain = checkpointSpec(snapshot, model);
  const normalizedBy = normalizationOf(snapshot.recipe, snapshot.pixelStatistics);
  return classifierOf(engine, denseOn === null ? plain : denseForm(plain, denseOn), { ...snapshot, normalizedBy });
}

/** A table with the weights that a snapshot has for it, by name. */
export function classifierOf(
  engine: Engine,
  spec: ModelSpec,
  snapshot: Pick<Snapshot, "layout" | "weights" | "state"> & { normalizedBy?: ChannelStatistics | null },
): Classifier {
  const network = buildNetwork(engine, spec);
  const layout = layoutOf(parametersOf(spec));
  return classifier(engine, network, layout, vectorsOf(engine, layout, snapshot), {
    input: spec.input,
    classes: spec.classes,
    rubbish: spec.loss?.logit ?? null,
    normalizedBy: snapshot.normalizedBy ?? null,
  });
}

async function userClassifier(engine: Engine, snapshot: Snapshot, model: FileModel): Promise<Classifier> {
  const { recipe, image: input, classNames, layout } = snapshot;
  const classes = classNames.length;
  const { network } = await loadUserModel(engine, model, { input, classes, seed: recipe.seed });
  return classifier(engine, network, layout, vectorsOf(engine, layout, snapshot), {
    input,
    classes,
    rubbish: null,
    normalizedBy: normalizationOf(snapshot.recipe, snapshot.pixelStatistics),
  });
}

/** The layout's vectors, filled by name: one a bucket, then the state. A shape may differ where its elements don't. */
function vectorsOf(
  engine: Engine,
  layout: Layout,
  { layout: stored, weights, state }: Pick<Snapshot, "layout" | "weights" | "state">,
): Float32Array[] {
  const values = new Map([
    ...stored.trainable.map(({ name, offset, size }) => [name, weights.subarray(offset, offset + size)] as const),
    ...stored.state.map(({ name, offset, size }) => [name, state.subarray(offset, offset + size)] as const),
  ]);
  const filled = (slots: Layout["state"], base: number, size: number) => {
    const vector = engine.allocate(size);
    for (const slot of slots) {
      const found = values.get(slot.name);
      if (found?.length !== slot.size)
        throw new CnnDistError(
          "checkpoint",
          `the checkpoint has ${found ? `${found.length} values` : "nothing"} for ${slot.name}, the network needs ${slot.size}. It was written by another version; evaluate it with that one.`,
        );
      vector.set(found, slot.offset - base);
    }
    return vector;
  };
  const vectors = layout.buckets.map(({ slots, offset, size }) => filled(slots, offset, size));
  if (layout.stateSize > 0) vectors.push(filled(layout.state, 0, layout.stateSize));
  return vectors;
}

/** The full chunk and the last one. */
const MAX_TRACED_FUNCTIONS = 2;

function classifier(
  engine: Engine,
  network: Network,
  layout: Layout,
  vectors: readonly Float32Array[],
  {
    input,
    classes,
    rubbish,
    normalizedBy,
  }: { input: ImageShape; classes: number; rubbish: number | null; normalizedBy: ChannelStatistics | null },
): Classifier {
  const traced = new Map<number, TracedFunction>();
  const functionFor = (images: number): TracedFunction => {
    const found =
      traced.get(images) ?? network.calling(() => trace(engine, network, layout, [images, ...input], normalizedBy));
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
  network: Network,
  layout: Layout,
  shape: readonly number[],
  normalizedBy: ChannelStatistics | null,
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
