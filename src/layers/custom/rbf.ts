import type * as tfjs from "@tensorflow/tfjs";
import type { Tf } from "../../engine/engine.js";
import { type LayerClass, type LayerInputs, one } from "./call.js";

/** Codes in one constant: those of a thousand classes would be more than a traced step may freeze in as one. */
const TOGETHER = 128;

interface RbfConfig {
  name?: string;
  codes: readonly (readonly number[])[];
}

export function rbfClass(tf: Tf): LayerClass<RbfConfig> {
  /** LeCun et al. 1998, equation 7, with its sign turned: the largest output is the nearest code's. */
  return class RadialBasisFunctions extends tf.layers.Layer {
    static readonly className = "RadialBasisFunctions";
    readonly #codes: readonly (readonly number[])[];

    constructor(config: RbfConfig) {
      super(config as never);
      this.#codes = config.codes;
    }

    override computeOutputShape(shape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
      return [(shape as tfjs.Shape)[0]!, this.#codes.length];
    }

    override call(inputs: LayerInputs): tfjs.Tensor {
      return tf.tidy(() => {
        const x = tf.expandDims(one(inputs), 1);
        const distances: tfjs.Tensor2D[] = [];
        for (let first = 0; first < this.#codes.length; first += TOGETHER) {
          const codes = tf.tensor2d(this.#codes.slice(first, first + TOGETHER).map((code) => [...code]));
          distances.push(tf.sum(tf.square(tf.sub(x, codes)), 2) as tfjs.Tensor2D);
        }
        return tf.neg(distances.length === 1 ? distances[0]! : tf.concat(distances, 1));
      });
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      return { ...super.getConfig(), codes: this.#codes.map((code) => [...code]) };
    }
  };
}
