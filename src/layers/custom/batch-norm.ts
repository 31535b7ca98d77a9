import type * as tfjs from "@tensorflow/tfjs";
import type { Engine, Tf } from "../../engine/engine.js";
import { UsageError } from "../../errors.js";
import { type Kwargs, type LayerClass, type LayerInputs, one, type Weight } from "./call.js";

/** As tfjs's own layer takes it. */
export type BatchNormConfig = NonNullable<Parameters<Tf["layers"]["batchNormalization"]>[0]>;

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
export function batchNormClass({ tf, ops }: Engine): LayerClass<BatchNormConfig> {
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
