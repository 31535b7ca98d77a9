/**
 * Layers that tfjs lacks, or spells out too slowly, under Keras's class names, so that saved models load with ours. They
 * are made for one engine, since a traced step needs its fused ops.
 */
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine, Tf } from "../engine/engine.js";
import { CnnDistError } from "../errors.js";

/** What a forward pass hands to every layer. */
export interface CallArgs {
  training: boolean;
  /** int32 [2]; dropout's noise follows from it and the layer's place. */
  seed: tfjs.Tensor1D;
}

export interface CustomLayers {
  batchNormalization(config: { name?: string; momentum?: number; epsilon?: number; axis?: number }): tfjs.layers.Layer;
  dropout(config: { name?: string; rate: number; seed?: number }): tfjs.layers.Layer;
  padTo(config: { name?: string; height: number; width: number }): tfjs.layers.Layer;
  resize(config: { name?: string; height: number; width: number; keepAspect: boolean }): tfjs.layers.Layer;
}

const one = (inputs: tfjs.Tensor | tfjs.Tensor[]): tfjs.Tensor => (Array.isArray(inputs) ? inputs[0]! : inputs);
type LayerInputs = tfjs.Tensor | tfjs.Tensor[];
type Kwargs = Record<string, unknown>;

export function customLayers(engine: Engine): CustomLayers {
  const { tf } = engine;
  const classes = [batchNormClass(engine), dropoutClass(engine), padToClass(tf), resizeClass(tf)] as const;
  for (const each of classes) tf.serialization.registerClass(each);
  const [BatchNormalization, Dropout, PadTo, Resize] = classes;
  return {
    batchNormalization: (config) => new BatchNormalization(config),
    dropout: (config) => new Dropout(config),
    padTo: (config) => new PadTo(config),
    resize: (config) => new Resize(config),
  };
}

function batchNormClass({ tf, ops }: Engine) {
  /** Ioffe & Szegedy 2015. In training it assigns the moving statistics; a traced step hands them out as state. */
  return class BatchNormalization extends tf.layers.Layer {
    static readonly className = "BatchNormalization";
    readonly #momentum: number;
    readonly #epsilon: number;

    constructor(config: { name?: string; momentum?: number; epsilon?: number; axis?: number }) {
      super(config as never);
      this.#momentum = config.momentum ?? 0.99;
      this.#epsilon = config.epsilon ?? 1e-3;
    }

    override build(shape: tfjs.Shape | tfjs.Shape[]): void {
      const channels = (shape as tfjs.Shape).at(-1)!;
      const add = (name: string, value: 0 | 1, trainable: boolean) =>
        this.addWeight(
          name,
          [channels],
          "float32",
          value === 0 ? tf.initializers.zeros() : tf.initializers.ones(),
          undefined,
          trainable,
        );
      add("gamma", 1, true);
      add("beta", 0, true);
      add("moving_mean", 0, false);
      add("moving_variance", 1, false);
      this.built = true;
    }

    override call(inputs: LayerInputs, kwargs: Kwargs): tfjs.Tensor {
      return tf.tidy(() => {
        const x = one(inputs);
        const image = (x.rank === 4 ? x : x.reshape([x.shape[0]!, 1, 1, x.shape.at(-1)!])) as tfjs.Tensor4D;
        const [gamma, beta, mean, variance] = this.weights.map((weight) => weight.read()) as [
          tfjs.Tensor1D,
          tfjs.Tensor1D,
          tfjs.Tensor1D,
          tfjs.Tensor1D,
        ];
        if (!kwargs.training) {
          return ops.batchNormInference(image, gamma, beta, mean, variance, this.#epsilon).reshape(x.shape);
        }
        const batch = ops.batchNormTrain(image, gamma, beta, this.#epsilon);
        const move = (index: number, moving: tfjs.Tensor, current: tfjs.Tensor) =>
          this.weights[index]!.write(tf.add(tf.mul(moving, this.#momentum), tf.mul(current, 1 - this.#momentum)));
        move(2, mean, batch.mean);
        move(3, variance, batch.variance);
        return batch.y.reshape(x.shape);
      });
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      return { ...super.getConfig(), momentum: this.#momentum, epsilon: this.#epsilon, axis: -1 };
    }
  };
}

function dropoutClass({ tf, ops }: Engine) {
  /** Inverted dropout whose noise is the step's, not the process's. */
  return class Dropout extends tf.layers.Layer {
    static readonly className = "Dropout";
    readonly #rate: number;
    #place = 0;

    constructor(config: { name?: string; rate: number }) {
      super(config as never);
      if (!(config.rate >= 0 && config.rate < 1))
        throw new CnnDistError(
          "model",
          `a dropout layer's rate must be from 0 up to, but not including, 1; received ${config.rate}`,
        );
      this.#rate = config.rate;
      this.supportsMasking = true;
    }

    /** Set once the network is whole, so that no two dropout layers draw the same noise. */
    setPlace(place: number): void {
      this.#place = place;
    }

    override computeOutputShape(shape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape | tfjs.Shape[] {
      return shape;
    }

    override call(inputs: LayerInputs, kwargs: Kwargs): tfjs.Tensor {
      return tf.tidy(() => {
        const x = one(inputs);
        if (!kwargs.training) return x.clone();
        const seed = tf.add(kwargs.seed as tfjs.Tensor1D, tf.tensor1d([0, this.#place], "int32")) as tfjs.Tensor1D;
        return ops.dropout(x, this.#rate, seed);
      });
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      return { ...super.getConfig(), rate: this.#rate };
    }
  };
}

function padToClass(tf: Tf) {
  /** Zeros around an image up to a size; the odd row or column goes to the end. */
  return class PadTo extends tf.layers.Layer {
    static readonly className = "PadTo";
    readonly #height: number;
    readonly #width: number;

    constructor(config: { name?: string; height: number; width: number }) {
      super(config as never);
      this.#height = config.height;
      this.#width = config.width;
    }

    override computeOutputShape(shape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
      const [batch, , , channels] = shape as tfjs.Shape;
      return [batch!, this.#height, this.#width, channels!];
    }

    override call(inputs: LayerInputs): tfjs.Tensor {
      return tf.tidy(() => {
        const x = one(inputs) as tfjs.Tensor4D;
        const around = (missing: number): [number, number] => [Math.floor(missing / 2), Math.ceil(missing / 2)];
        return tf.pad(x, [[0, 0], around(this.#height - x.shape[1]), around(this.#width - x.shape[2]), [0, 0]]);
      });
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      return { ...super.getConfig(), height: this.#height, width: this.#width };
    }
  };
}

function resizeClass(tf: Tf) {
  /** Bilinear, half-pixel centres; `keepAspect` fills up with zeros instead of distorting. */
  return class Resize extends tf.layers.Layer {
    static readonly className = "Resize";
    readonly #height: number;
    readonly #width: number;
    readonly #keepAspect: boolean;

    constructor(config: { name?: string; height: number; width: number; keepAspect: boolean }) {
      super(config as never);
      this.#height = config.height;
      this.#width = config.width;
      this.#keepAspect = config.keepAspect;
    }

    override computeOutputShape(shape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
      const [batch, , , channels] = shape as tfjs.Shape;
      return [batch!, this.#height, this.#width, channels!];
    }

    override call(inputs: LayerInputs): tfjs.Tensor {
      return tf.tidy(() => {
        const x = one(inputs) as tfjs.Tensor4D;
        const [, height, width] = x.shape;
        const scale = this.#keepAspect ? Math.min(this.#height / height, this.#width / width) : null;
        const inner: [number, number] =
          scale === null ? [this.#height, this.#width] : [Math.round(height * scale), Math.round(width * scale)];
        const resized = tf.image.resizeBilinear(x, inner, false, true);
        const around = (missing: number): [number, number] => [Math.floor(missing / 2), Math.ceil(missing / 2)];
        return tf.pad(resized, [[0, 0], around(this.#height - inner[0]), around(this.#width - inner[1]), [0, 0]]);
      });
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      return { ...super.getConfig(), height: this.#height, width: this.#width, keepAspect: this.#keepAspect };
    }
  };
}
