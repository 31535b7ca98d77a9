/** Layers without weights. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Tf } from "../../engine/engine.js";
import { type LayerClass, type LayerInputs, one } from "./call.js";

type Named<Config> = Config & { name?: string };

/** A layer that keeps its configuration and needs nothing else. */
export function plainClass<Config extends object>(
  tf: Tf,
  className: string,
  keys: readonly (keyof Config & string)[],
  parts: {
    shape?: (shape: tfjs.Shape, config: Config) => tfjs.Shape;
    call: (x: tfjs.Tensor, config: Config) => tfjs.Tensor;
  },
): LayerClass<Named<Config>> {
  return class extends tf.layers.Layer {
    static readonly className = className;
    readonly #config: Config;

    constructor(config: Named<Config>) {
      super(config as never);
      this.#config = config;
    }

    override computeOutputShape(shape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
      return parts.shape?.(shape as tfjs.Shape, this.#config) ?? (shape as tfjs.Shape);
    }

    override call(inputs: LayerInputs): tfjs.Tensor {
      return tf.tidy(() => parts.call(one(inputs), this.#config));
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      const own = Object.fromEntries(keys.map((key) => [key, this.#config[key]]));
      return { ...super.getConfig(), ...(own as tfjs.serialization.ConfigDict) };
    }
  };
}

/** Krizhevsky et al. 2012, section 3.3; `alpha` is not divided by `size`. */
export const lrnClass = (tf: Tf) =>
  plainClass<{ size: number; k: number; alpha: number; beta: number }>(tf, "LRN", ["size", "k", "alpha", "beta"], {
    call: (x, { size, k, alpha, beta }) =>
      tf.localResponseNormalization(x as tfjs.Tensor4D, (size - 1) / 2, k, alpha, beta),
  });

export interface AffineConfig {
  /** One number for all, or one for each channel. */
  multiply: number | readonly number[];
  add: number | readonly number[];
}

export const affineClass = (tf: Tf) => {
  const factor = (value: number | readonly number[]) => (typeof value === "number" ? value : tf.tensor1d([...value]));
  return plainClass<AffineConfig>(tf, "Affine", ["multiply", "add"], {
    call: (x, { multiply, add }) => tf.add(tf.mul(x, factor(multiply)), factor(add)),
  });
};

/** 1.7159 tanh(2x/3) of LeCun et al. 1998, appendix A, or log(1 / (1 + exp(-x))). */
export const squashClass = (tf: Tf) =>
  plainClass<{ squashing: "scaledTanh" | "logSigmoid" }>(tf, "Squashing", ["squashing"], {
    call: (x, { squashing }) =>
      squashing === "scaledTanh" ? tf.mul(tf.tanh(tf.mul(x, 2 / 3)), 1.7159) : tf.neg(tf.softplus(tf.neg(x))),
  });

/** Option A of He et al. 2015, section 3.3: every `stride`-th pixel, then zeros as further channels. */
export const paddedShortcutClass = (tf: Tf) =>
  plainClass<{ stride: number; channels: number }>(tf, "PaddedShortcut", ["stride", "channels"], {
    shape([batch = null, height, width], { stride, channels }) {
      const windows = (size: number | null | undefined) => (size ? Math.ceil(size / stride) : null);
      return [batch, windows(height), windows(width), channels];
    },
    call(x, { stride, channels }) {
      // A pool of 1x1 takes every stride-th pixel, and unlike a strided slice it has a gradient in tfjs.
      const taken = stride === 1 ? (x as tfjs.Tensor4D) : tf.avgPool(x as tfjs.Tensor4D, 1, stride, "valid");
      return tf.pad(taken, [
        [0, 0],
        [0, 0],
        [0, 0],
        [0, channels - taken.shape[3]],
      ]);
    },
  });
