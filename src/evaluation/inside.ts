/** What one image does inside of a network: maps a layer, and which places speak for its class. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine } from "../engine/engine.js";
import { UsageError } from "../errors.js";
import { flatVariables } from "../layers/network.js";
import { scaledPixels } from "../layers/scaled-pixels.js";
import type { Heat, LayerMaps } from "../pictures/insides.js";
import type { LoadedNetwork } from "./network.js";
import { logProbabilities } from "./scores.js";

/** Layers that are shown; of more, some evenly spaced. */
const LAYERS = 12;
/** Maps of a layer, and values of a vector. */
const MAPS = 16;
const VALUES = 128;
/** Layers that move or choose what others computed; of the others each is worth a look. */
const MOVES = /pool|drop|pad|flatten|reshape|resize|input|subsampl/i;

/** A layer's output while the network runs. */
interface Output {
  name: string;
  kind: string;
  tensor: tfjs.Tensor;
}

/** The most probable class, and its probability. */
interface Guess {
  label: number;
  probability: number;
}

/** `pixels`: one image as the network takes it. */
export async function activationsOf(
  engine: Engine,
  loaded: LoadedNetwork,
  pixels: Uint8Array,
): Promise<{ guess: Guess; layers: LayerMaps[] }> {
  const { tf } = engine;
  const shown: Omit<LayerMaps, "values">[] = [];
  const traced = traceOne(engine, loaded, "activations", (x) => {
    const { logits, outputs } = forward(engine, loaded, x);
    const chosen = spaced(
      outputs.filter(({ kind, tensor }) => !MOVES.test(kind) && (tensor.rank === 4 || tensor.rank === 2)),
      LAYERS,
    );
    shown.length = 0; // tracing runs this twice
    const maps = chosen.map(({ name, tensor }) => {
      const [, ...shape] = tensor.shape;
      const most = Math.min(shape.at(-1)!, shape.length === 1 ? VALUES : MAPS);
      shown.push({ name, shape, shown: most });
      return tf.slice(tensor, [...shape, 0].fill(0), [1, ...shape.slice(0, -1), most]);
    });
    return [logits, ...maps];
  });
  const [logits, ...maps] = await traced(pixels);
  return {
    guess: guessOf(logits!, loaded),
    layers: shown.map((layer, at) => ({ ...layer, values: maps[at]! })),
  };
}

/**
 * Grad-CAM (Selvaraju et al. 2017, arXiv:1610.02391, section 3): the maps of the last layer that has places, each weighted by
 * the mean over its places of the gradient of the class's logit, added up, and what is below zero left out. The class is the
 * most probable one. UsageError `picture` for a network without such a layer.
 */
export async function gradcamOf(
  engine: Engine,
  loaded: LoadedNetwork,
  pixels: Uint8Array,
): Promise<{ guess: Guess; heat: Heat }> {
  const { tf } = engine;
  const found = { layer: "", height: 0, width: 0 };
  const traced = traceOne(engine, loaded, "Grad-CAM", (x) => {
    const { outputs } = forward(engine, loaded, x);
    const last = outputs.findLast(({ kind, tensor }) => !MOVES.test(kind) && hasPlaces(tensor));
    if (!last)
      throw new UsageError(
        "picture",
        `Grad-CAM shows which places of an image speak for its class, by the maps of the last convolution; this network has no layer whose maps are larger than 1x1 (its layers: ${outputs.map(({ name }) => name).join(", ")}). Take another picture.`,
      );
    const [, height = 0, width = 0] = last.tensor.shape;
    Object.assign(found, { layer: last.name, height, width });
    // The gradient by what is added to the maps is the gradient by the maps.
    const seen: { logits?: tfjs.Tensor; maps?: tfjs.Tensor } = {};
    const gradient = tf.grad((added) => {
      const run = forward(engine, loaded, x, { name: last.name, added });
      seen.logits = run.logits;
      seen.maps = run.outputs.find(({ name }) => name === last.name)!.tensor;
      return tf.sum(tf.max(run.logits, 1));
    })(tf.zeros(last.tensor.shape));
    const weights = tf.mean(gradient, [1, 2], true);
    return [seen.logits!, tf.relu(tf.sum(tf.mul(seen.maps!, weights), 3))];
  });
  const [logits, values] = await traced(pixels);
  return { guess: guessOf(logits!, loaded), heat: { ...found, values: values! } };
}

function hasPlaces({ rank, shape }: tfjs.Tensor): boolean {
  return rank === 4 && shape[1]! * shape[2]! > 1;
}

function guessOf(logits: Float32Array, { classes, rubbish }: LoadedNetwork): Guess {
  const scores = logProbabilities(logits, classes, rubbish);
  const label = scores.reduce((best, score, at) => (score > scores[best]! ? at : best), 0);
  return { label, probability: Math.exp(scores[label]!) };
}

/** A function of one image, compiled and called once. */
function traceOne(
  engine: Engine,
  { network, layout, vectors, input, normalizedBy }: LoadedNetwork,
  name: string,
  body: (x: tfjs.Tensor) => tfjs.Tensor[],
): (pixels: Uint8Array) => Promise<Float32Array[]> {
  const traced = network.calling(() =>
    engine.trace({
      name: `${name} of an image`,
      inputs: [{ dtype: "uint8", shape: [1, ...input] }],
      variables: flatVariables(network, layout),
      assigned: [],
      body: ([pixels]) => ({ streams: [], outputs: body(scaledPixels(engine.tf, pixels!, normalizedBy)) }),
    }),
  );
  return async (pixels) => {
    const { outputs } = await traced.run({ inputs: [pixels], variables: vectors, onStream: () => {} });
    traced.dispose();
    return outputs;
  };
}

/** The logits of `x`, and what each layer gives on the way; `change`: what is added to one layer's output. */
function forward(
  { tf }: Engine,
  { network, layerNames }: LoadedNetwork,
  x: tfjs.Tensor,
  change: { name: string; added: tfjs.Tensor } | null = null,
): { logits: tfjs.Tensor2D; outputs: Output[] } {
  const outputs: Output[] = [];
  const layers = leavesOf(network.model);
  const originals = layers.map((layer) => layer.call);
  layers.forEach((layer, at) => {
    const name = layerNames[at]!;
    const call = originals[at]!;
    layer.call = (inputs, kwargs) => {
      const given = call.call(layer, inputs, kwargs);
      if (Array.isArray(given)) return given;
      // tfjs disposes of what a layer gives once the layers after it have read it.
      outputs.push({ name, kind: layer.getClassName(), tensor: tf.keep(tf.clone(given)) });
      return change?.name === name ? tf.add(given, change.added) : given;
    };
  });
  try {
    const seed = tf.tensor1d([0, 0], "int32"); // nothing draws in evaluation
    const logits = tf.keep(network.forward(x, { training: false, seed }));
    return { logits, outputs };
  } finally {
    layers.forEach((layer, at) => {
      layer.call = originals[at]!;
    });
  }
}

/** Nested models in their place. */
function leavesOf(model: tfjs.LayersModel): tfjs.layers.Layer[] {
  return model.layers.flatMap((layer) => {
    const nested = layer as unknown as tfjs.LayersModel & { layers?: unknown };
    return nested.layers ? leavesOf(nested) : [layer];
  });
}

function spaced<T>(all: readonly T[], most: number): T[] {
  if (all.length <= most) return [...all];
  return Array.from({ length: most }, (_, at) => all[Math.round((at * (all.length - 1)) / (most - 1))]!);
}
