import type * as tfjs from "@tensorflow/tfjs";
import type { Engine } from "../../engine/engine.js";
import { UsageError } from "../../errors.js";
import { type Kwargs, type LayerClass, type LayerInputs, one } from "./call.js";

interface DropoutConfig {
  name?: string;
  rate: number;
  noiseShape?: unknown;
}

export function dropoutClass({ tf, ops }: Engine): LayerClass<DropoutConfig> {
  /** Inverted dropout whose noise is the step's, not the process's. */
  return class Dropout extends tf.layers.Layer {
    static readonly className = "Dropout";
    readonly #rate: number;
    #place = 0;

    constructor(config: DropoutConfig) {
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
