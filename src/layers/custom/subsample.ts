import type * as tfjs from "@tensorflow/tfjs";
import type { Tf } from "../../engine/engine.js";
import { type LayerClass, type LayerInputs, one, type Weight } from "./call.js";

interface SubsampleConfig {
  name?: string;
  size: number;
}

export function subsampleClass(tf: Tf): LayerClass<SubsampleConfig> {
  /** LeCun et al. 1998, section II.B: the sum over size x size, times a coefficient, plus a bias, one of each a map. */
  return class Subsampling extends tf.layers.Layer {
    static readonly className = "Subsampling";
    readonly #size: number;
    #coefficient!: Weight;
    #bias!: Weight;

    constructor(config: SubsampleConfig) {
      super(config as never);
      this.#size = config.size;
    }

    override build(shape: tfjs.Shape | tfjs.Shape[]): void {
      const channels = (shape as tfjs.Shape).at(-1)!;
      const add = (name: string) =>
        this.addWeight(name, [channels], "float32", tf.initializers.zeros()) as unknown as Weight;
      this.#coefficient = add("coefficient");
      this.#bias = add("bias");
      this.built = true;
    }

    override computeOutputShape(shape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
      const [batch, height, width, channels] = shape as tfjs.Shape;
      const part = (size: number | null | undefined) => (size ? Math.floor(size / this.#size) : null);
      return [batch!, part(height), part(width), channels!];
    }

    override call(inputs: LayerInputs): tfjs.Tensor {
      return tf.tidy(() => {
        const mean = tf.avgPool(one(inputs) as tfjs.Tensor4D, this.#size, this.#size, "valid");
        return tf.add(tf.mul(tf.mul(mean, this.#size ** 2), this.#coefficient.read()), this.#bias.read());
      });
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      return { ...super.getConfig(), size: this.#size };
    }
  };
}
