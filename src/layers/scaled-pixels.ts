import type * as tfjs from "@tensorflow/tfjs";
import type { Tf } from "../engine/engine.js";

/** Of each channel, over pixels in [0, 1]. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** From float32 values of 0 to 255, NHWC, to [0, 1], and, with statistics, from there to mean 0 and deviation 1. */
export function scaledPixels(tf: Tf, pixels: tfjs.Tensor, statistics: ChannelStatistics | null): tfjs.Tensor {
  const scaled = tf.mul(pixels, 1 / 255);
  if (!statistics) return scaled;
  const { mean, deviation } = statistics;
  return tf.add(
    tf.mul(scaled, tf.tensor1d(deviation.map((each) => 1 / each))),
    tf.tensor1d(mean.map((each, at) => -each / deviation[at]!)),
  );
}
