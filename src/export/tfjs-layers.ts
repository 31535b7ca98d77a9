/**
 * The layers of cnn-dist's networks that tfjs does not have, for programs that load an exported model. It stands alone: `export`
 * puts it beside model.json when the model needs it.
 *
 *     import * as tf from "@tensorflow/tfjs";
 *     import { registerLayers } from "./layers.mjs";
 *     registerLayers(tf);
 *     const model = await tf.loadLayersModel("https://…/model.json");
 */
import type * as tfjs from "@tensorflow/tfjs";

type Inputs = tfjs.Tensor | tfjs.Tensor[];
const one = (inputs: Inputs) => (Array.isArray(inputs) ? inputs[0]! : inputs) as tfjs.Tensor4D;

export function registerLayers(tf: typeof tfjs): void {
  /** Bilinear, half-pixel centres. */
  class Resize extends tf.layers.Layer {
    static readonly className = "Resize";
    readonly #size: [height: number, width: number];

    constructor(config: { height: number; width: number }) {
      super(config as never);
      this.#size = [config.height, config.width];
    }

    override computeOutputShape(shape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
      const [batch, , , channels] = shape as tfjs.Shape;
      return [batch!, ...this.#size, channels!];
    }

    override call(inputs: Inputs): tfjs.Tensor {
      return tf.tidy(() => tf.image.resizeBilinear(one(inputs), this.#size, false, true));
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      return { ...super.getConfig(), height: this.#size[0], width: this.#size[1], keepAspect: false };
    }
  }

  /** Krizhevsky et al. 2012, section 3.3: x / (k + alpha * sum of x^2 over `size` adjacent channels)^beta. */
  class Lrn extends tf.layers.Layer {
    static readonly className = "LRN";
    readonly #config: { size: number; k: number; alpha: number; beta: number };

    constructor(config: { size: number; k: number; alpha: number; beta: number }) {
      super(config as never);
      this.#config = config;
    }

    override call(inputs: Inputs): tfjs.Tensor {
      const { size, k, alpha, beta } = this.#config;
      return tf.tidy(() => tf.localResponseNormalization(one(inputs), (size - 1) / 2, k, alpha, beta));
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      const { size, k, alpha, beta } = this.#config;
      return { ...super.getConfig(), size, k, alpha, beta };
    }
  }

  for (const each of [Resize, Lrn]) tf.serialization.registerClass(each);
}
