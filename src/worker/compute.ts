/** The two traced functions of a worker: a shard's loss and gradients, and a chunk's loss and hits. */
import { setImmediate as immediate } from "node:timers/promises";
import type * as tfjs from "@tensorflow/tfjs";
import type { DeviceSpan, Engine, StreamValues, TracedFunction } from "../engine/engine.js";
import { UsageError } from "../errors.js";
import { sampleLosses } from "../layers/loss.js";
import { flatVariables, type Network } from "../layers/network.js";
import { type ChannelStatistics, scaledPixels } from "../layers/scaled-pixels.js";
import type { ImageShape } from "../models/spec.js";
import type { Layout } from "../parameters/layout.js";

export interface ShardInput {
  pixels: Uint8Array;
  labels: Int32Array;
  /** One over the samples of the whole batch, so that shards' losses and gradients simply add up. */
  scale: number;
  /** For the shard's noise. */
  seed: readonly [number, number];
}

/** What comes out while the step still runs; `values` are only there during the call. */
export interface ShardSink {
  loss(loss: number, hits: number): void;
  bucket(index: number, values: StreamValues): void;
  /** Before a function is compiled, which holds up this process, and runs for the first time. */
  compiling?(): void;
  /** Of a network on several devices, once the shard is done: when each worked, from the shard's start. */
  devices?(spans: readonly DeviceSpan[]): void;
}

/** Traced functions kept, of each kind: full and short shards, of two sizes each. */
const MAX_TRACED_FUNCTIONS = 4;

export class Compute {
  readonly #engine: Engine;
  readonly #network: Network;
  readonly #layout: Layout;
  readonly #shape: ImageShape;
  readonly #labelSmoothing: number;
  readonly #normalizedBy: ChannelStatistics | null;
  readonly #steps = new Map<number, TracedFunction>();
  readonly #evaluations = new Map<number, TracedFunction>();

  constructor(parts: {
    engine: Engine;
    network: Network;
    layout: Layout;
    shape: ImageShape;
    labelSmoothing: number;
    /** Of the training set; null: pixels stay in [0, 1]. */
    normalizedBy?: ChannelStatistics | null;
  }) {
    this.#engine = parts.engine;
    this.#network = parts.network;
    this.#layout = parts.layout;
    this.#shape = parts.shape;
    this.#labelSmoothing = parts.labelSmoothing;
    this.#normalizedBy = parts.normalizedBy ?? null;
  }

  /** Returns the state that the shard leaves (empty if the network has none). */
  async shard(input: ShardInput, weights: readonly Float32Array[], sink: ShardSink): Promise<Float32Array> {
    const trace = (samples: number) => this.#traceStep(samples);
    const step = await this.#traced(this.#steps, input.labels.length, trace, sink.compiling);
    const { state, devices } = await step.run({
      inputs: [input.pixels, input.labels, Float32Array.of(input.scale), Int32Array.from(input.seed)],
      variables: weights,
      onStream: (index, values) => {
        if (index > 0) return sink.bucket(index - 1, values);
        const score = new Float32Array(2);
        values.copyTo(score);
        sink.loss(score[0]!, score[1]!);
      },
    });
    if (devices.length > 0) sink.devices?.(devices);
    return state;
  }

  async evaluate(
    pixels: Uint8Array,
    labels: Int32Array,
    weights: readonly Float32Array[],
    compiling?: () => void,
  ): Promise<{ loss: number; hits: number }> {
    const trace = (samples: number) => this.#traceEvaluation(samples);
    const evaluation = await this.#traced(this.#evaluations, labels.length, trace, compiling);
    const { outputs } = await evaluation.run({ inputs: [pixels, labels], variables: weights, onStream: () => {} });
    return { loss: outputs[0]![0]!, hits: outputs[1]![0]! };
  }

  /** The function for that many samples; the least recently used goes when there are too many. */
  async #traced(
    cache: Map<number, TracedFunction>,
    samples: number,
    trace: (samples: number) => TracedFunction,
    compiling: (() => void) | undefined,
  ): Promise<TracedFunction> {
    let found = cache.get(samples);
    if (!found) {
      compiling?.();
      await immediate(); // what it says leaves first
      found = this.#network.calling(() => trace(samples));
    }
    cache.delete(samples);
    cache.set(samples, found);
    if (cache.size > MAX_TRACED_FUNCTIONS) {
      const [oldest, unused] = cache.entries().next().value!;
      cache.delete(oldest);
      unused.dispose();
    }
    return found;
  }

  #traceStep(samples: number): TracedFunction {
    const { tf } = this.#engine;
    const network = this.#network;
    const layout = this.#layout;
    const trainable = layout.trainable.map(({ name }) => network.variable(name));
    return this.#engine.trace({
      name: `step of ${samples} images`,
      inputs: [
        { dtype: "uint8", shape: [samples, ...this.#shape] },
        { dtype: "int32", shape: [samples] },
        { dtype: "float32", shape: [1] },
        { dtype: "int32", shape: [2] },
      ],
      variables: flatVariables(network, layout),
      assigned: layout.state.map(({ name }) => network.variable(name)),
      body: ([pixels, labels, scale, seed]) => {
        let hits: tfjs.Tensor | null = null;
        const { value, grads } = tf.variableGrads(() => {
          const outputs = network.forwardAll(scaledPixels(tf, pixels!, this.#normalizedBy), {
            training: true,
            seed: seed as tfjs.Tensor1D,
          });
          hits = tf.keep(countHits(tf, outputs[0]!.logits, labels!));
          const losses = outputs.map(({ logits, weight }) => {
            const sum = tf.sum(sampleLosses(this.#engine, network, logits, labels!, this.#labelSmoothing));
            return weight === 1 ? sum : tf.mul(sum, weight);
          });
          const total = losses.reduce((sum, loss) => tf.add(sum, loss));
          return tf.mul(total, tf.reshape(scale!, [])) as tfjs.Scalar;
        }, trainable);
        const gradients = layout.buckets.map(({ slots }) =>
          slots.map(({ name }) => grads[network.variable(name).name] ?? untrained(name)),
        );
        return { streams: [[value, hits!], ...gradients], outputs: [] };
      },
    });
  }

  #traceEvaluation(samples: number): TracedFunction {
    const { tf } = this.#engine;
    return this.#engine.trace({
      name: `evaluation of ${samples} images`,
      inputs: [
        { dtype: "uint8", shape: [samples, ...this.#shape] },
        { dtype: "int32", shape: [samples] },
      ],
      variables: flatVariables(this.#network, this.#layout),
      assigned: [],
      body: ([pixels, labels]) => {
        const seed = tf.tensor1d([0, 0], "int32"); // nothing draws in evaluation
        const logits = this.#network.forward(scaledPixels(tf, pixels!, this.#normalizedBy), { training: false, seed });
        return {
          streams: [],
          outputs: [tf.sum(sampleLosses(this.#engine, this.#network, logits, labels!)), countHits(tf, logits, labels!)],
        };
      },
    });
  }
}

function countHits(tf: Engine["tf"], logits: tfjs.Tensor2D, labels: tfjs.Tensor): tfjs.Tensor {
  return tf.sum(tf.cast(tf.equal(tf.argMax(logits, 1), labels), "float32"));
}

function untrained(name: string): never {
  throw new UsageError(
    "model-layer",
    `no gradient reaches parameter ${name}, so it cannot be trained. Use it in its layer's call, or leave it out.`,
  );
}
