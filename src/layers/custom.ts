/**
 * Layers that tfjs lacks, or spells out too slowly, under Keras's class names, so that saved models load with ours. They
 * are made for one engine, since a traced step needs its fused ops.
 */
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine, Tf } from "../engine/engine.js";
import { UsageError } from "../errors.js";

/** What a forward pass hands to every layer. */
export interface CallArgs {
  training: boolean;
  /** int32 [2]; dropout's noise follows from it and the layer's place. */
  seed: tfjs.Tensor1D;
}

/** As tfjs's own layer takes it. */
type BatchNormConfig = NonNullable<Parameters<Tf["layers"]["batchNormalization"]>[0]>;

export interface CustomLayers {
  batchNormalization(config?: BatchNormConfig): tfjs.layers.Layer;
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
    batchNormalization: (config = {}) => new BatchNormalization(config),
    dropout: (config) => new Dropout(config),
    padTo: (config) => new PadTo(config),
    resize: (config) => new Resize(config),
  };
}

/** What tfjs's own layer makes of a configuration: defaults filled in, initializers built. */
interface StockBatchNorm {
  axis: number | readonly number[];
  momentum: number;
  epsilon: number;
  center: boolean;
  scale: boolean;
  betaInitializer: ReturnType<Tf["initializers"]["zeros"]>;
  gammaInitializer: ReturnType<Tf["initializers"]["zeros"]>;
  movingMeanInitializer: ReturnType<Tf["initializers"]["zeros"]>;
  movingVarianceInitializer: ReturnType<Tf["initializers"]["zeros"]>;
  betaConstraint: unknown;
  gammaConstraint: unknown;
  betaRegularizer: unknown;
  gammaRegularizer: unknown;
}
interface Weight {
  read(): tfjs.Tensor;
  write(value: tfjs.Tensor): unknown;
}

function batchNormClass({ tf, ops }: Engine) {
  /**
   * Ioffe & Szegedy 2015, over the last axis. In training it assigns the moving statistics; a traced step hands them out
   * as state. UsageError `model-layer` for an option that it lacks.
   */
  return class BatchNormalization extends tf.layers.Layer {
    static readonly className = "BatchNormalization";
    readonly #stock: StockBatchNorm;
    #gamma: Weight | null = null;
    #beta: Weight | null = null;
    #mean!: Weight;
    #variance!: Weight;

    constructor(config: BatchNormConfig) {
      super(config as never);
      this.#stock = tf.layers.batchNormalization({ ...config, name: this.name }) as unknown as StockBatchNorm;
      this.supportsMasking = true;
      const { betaConstraint, gammaConstraint, betaRegularizer, gammaRegularizer } = this.#stock;
      if (betaConstraint || gammaConstraint || betaRegularizer || gammaRegularizer)
        throw new UsageError(
          "model-layer",
          `layer ${this.name} (BatchNormalization): regularizers and constraints are not supported. Remove them.`,
        );
    }

    override build(shape: tfjs.Shape | tfjs.Shape[]): void {
      const dims = shape as tfjs.Shape;
      const { center, scale, ...stock } = this.#stock;
      const axis = Array.isArray(stock.axis) ? (stock.axis as number[])[0] : stock.axis;
      if (axis !== -1 && axis !== dims.length - 1)
        throw new UsageError(
          "model-layer",
          `layer ${this.name} (BatchNormalization): axis ${JSON.stringify(stock.axis)} of [${dims.map((dim) => dim ?? "any").join(", ")}]; only the last axis, the channels, is supported.`,
        );
      const add = (name: string, initializer: StockBatchNorm["betaInitializer"], trainable: boolean) =>
        this.addWeight(name, [dims.at(-1)!], "float32", initializer, undefined, trainable) as unknown as Weight;
      if (scale) this.#gamma = add("gamma", stock.gammaInitializer, true);
      if (center) this.#beta = add("beta", stock.betaInitializer, true);
      this.#mean = add("moving_mean", stock.movingMeanInitializer, false);
      this.#variance = add("moving_variance", stock.movingVarianceInitializer, false);
      this.built = true;
    }

    override call(inputs: LayerInputs, kwargs: Kwargs): tfjs.Tensor {
      return tf.tidy(() => {
        const x = one(inputs);
        const channels = x.shape.at(-1)!;
        const { epsilon, momentum } = this.#stock;
        const image = (x.rank === 4 ? x : x.reshape([x.size / channels, 1, 1, channels])) as tfjs.Tensor4D;
        const gamma = (this.#gamma?.read() ?? tf.ones([channels])) as tfjs.Tensor1D;
        const beta = (this.#beta?.read() ?? tf.zeros([channels])) as tfjs.Tensor1D;
        const mean = this.#mean.read() as tfjs.Tensor1D;
        const variance = this.#variance.read() as tfjs.Tensor1D;
        if (!kwargs.training) {
          return ops.batchNormInference(image, gamma, beta, mean, variance, epsilon).reshape(x.shape);
        }
        const batch = ops.batchNormTrain(image, gamma, beta, epsilon);
        const moved = (moving: tfjs.Tensor, current: tfjs.Tensor) =>
          tf.add(tf.mul(moving, momentum), tf.mul(current, 1 - momentum));
        this.#mean.write(moved(mean, batch.mean));
        this.#variance.write(moved(variance, batch.variance));
        return batch.y.reshape(x.shape);
      });
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      const { momentum, epsilon, center, scale } = this.#stock;
      return { ...super.getConfig(), axis: -1, momentum, epsilon, center, scale };
    }
  };
}

function dropoutClass({ tf, ops }: Engine) {
  /** Inverted dropout whose noise is the step's, not the process's. */
  return class Dropout extends tf.layers.Layer {
    static readonly className = "Dropout";
    readonly #rate: number;
    #place = 0;

    constructor(config: { name?: string; rate: number; noiseShape?: unknown }) {
      super(config as never);
      if (!(config.rate >= 0 && config.rate < 1))
        throw new UsageError(
          "model-layer",
          `layer ${this.name} (Dropout): the rate must be from 0 up to, but not including, 1; received ${config.rate}`,
        );
      if (config.noiseShape)
        throw new UsageError("model-layer", `layer ${this.name} (Dropout): noiseShape is not supported. Remove it.`);
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
