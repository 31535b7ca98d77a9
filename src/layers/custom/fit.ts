/** Layers that bring images to one size. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Tf } from "../../engine/engine.js";
import { type LayerClass, type LayerInputs, one } from "./call.js";

interface PadToConfig {
  name?: string;
  height: number;
  width: number;
}

export function padToClass(tf: Tf): LayerClass<PadToConfig> {
  /** Zeros around an image up to a size; the odd row or column goes to the end. */
  return class PadTo extends tf.layers.Layer {
    static readonly className = "PadTo";
    readonly #height: number;
    readonly #width: number;

    constructor(config: PadToConfig) {
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

interface ResizeConfig extends PadToConfig {
  keepAspect: boolean;
}

export function resizeClass(tf: Tf): LayerClass<ResizeConfig> {
  /** Bilinear, half-pixel centres; `keepAspect` fills up with zeros instead of distorting. */
  return class Resize extends tf.layers.Layer {
    static readonly className = "Resize";
    readonly #height: number;
    readonly #width: number;
    readonly #keepAspect: boolean;

    constructor(config: ResizeConfig) {
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
