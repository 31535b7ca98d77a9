/** Batch normalisation by the batch's own statistics, with TensorFlow's fused ops. Images are NHWC, float32. */
import type * as tfjs from "@tensorflow/tfjs";
import { boolAttribute, floatAttribute, stringAttribute, typeAttribute } from "../native/attributes.js";
import type { NodeBackend } from "../native/backend.js";
import { DTYPE } from "../native/dtype.js";

/** Most blocks that the pixels are divided into: with more, the small tensors cost time and float32 shows no gain. */
const MAX_BLOCKS = 32;

export const normAttributes = (epsilon: number, training: boolean) => [
  typeAttribute("T", DTYPE.float),
  typeAttribute("U", DTYPE.float),
  floatAttribute("epsilon", epsilon),
  floatAttribute("exponential_avg_factor", 1),
  stringAttribute("data_format", "NHWC"),
  boolAttribute("is_training", training),
];

/** What a forward pass gives: the output, the statistics for the moving averages, and what the gradient reads. */
interface Forward {
  y: tfjs.Tensor4D;
  mean: tfjs.Tensor1D;
  /** Bessel-corrected. */
  variance: tfjs.Tensor1D;
  /** Mean, variance (as TensorFlow's kernel for this device keeps it) and the kernel's own reserve. */
  reserves: [tfjs.Tensor, tfjs.Tensor, tfjs.Tensor];
}

/**
 * `inBlocks`: sums are added in blocks (see `forwardInBlocks`). Only for float32 on a CPU: a GPU adds in blocks by itself
 * and keeps another kind of variance, and bfloat16 rounds more than all of this.
 */
export function batchNormTrain(tf: typeof tfjs, backend: NodeBackend, inBlocks: boolean) {
  const fused = (x: tfjs.Tensor, gamma: tfjs.Tensor, beta: tfjs.Tensor, epsilon: number): Forward => {
    const empty = tf.zeros([0]);
    const inputs = [x, gamma, beta, empty, empty];
    const [y, mean, variance, ...reserves] = backend.executeMultipleOutputs(
      "FusedBatchNormV3",
      normAttributes(epsilon, true),
      inputs,
      6,
    );
    return { y, mean, variance, reserves } as Forward;
  };

  /**
   * oneDNN adds a channel's values one after another, so that the error grows with their number. Here every `blocks`-th
   * pixel is a channel of its own (the same memory seen with another shape), the fused op normalises each block by itself,
   * and blocks are brought to common statistics: mean of means, and variance as Chan, Golub & LeVeque 1979 add it up. What
   * is left for the large tensor is one multiplication and one addition, both in place.
   */
  const forwardInBlocks = (
    x: tfjs.Tensor4D,
    gamma: tfjs.Tensor1D,
    beta: tfjs.Tensor1D,
    epsilon: number,
    blocks: number,
  ): Forward => {
    const channels = gamma.size;
    const pixels = x.size / channels;
    const wide = blocks * channels;
    const each = fused(tf.reshape(x, [pixels / blocks, 1, 1, wide]), tf.fill([wide], 1), tf.fill([wide], 0), epsilon);
    const means = tf.reshape(each.reserves[0], [blocks, channels]);
    const variances = tf.reshape(each.reserves[1], [blocks, channels]);
    const mean = tf.mean(means, 0) as tfjs.Tensor1D;
    const apart = tf.sub(means, mean);
    const variance = tf.mean(tf.add(variances, tf.square(apart)), 0) as tfjs.Tensor1D;
    const scale = tf.mul(gamma, tf.rsqrt(tf.add(variance, epsilon)));
    const factor = tf.mul(tf.sqrt(tf.add(variances, epsilon)), scale);
    const offset = tf.add(tf.mul(apart, scale), beta);
    const flat = tf.reshape(each.y, [pixels / blocks, wide]);
    const y = tf.add(tf.mul(flat, tf.reshape(factor, [wide])), tf.reshape(offset, [wide]));
    return {
      y: tf.reshape(y, x.shape),
      mean,
      variance: tf.mul(variance, pixels / (pixels - 1)),
      reserves: [mean, variance, each.reserves[2]],
    };
  };

  return (x: tfjs.Tensor4D, gamma: tfjs.Tensor1D, beta: tfjs.Tensor1D, epsilon: number) => {
    const blocks = inBlocks ? blocksOf(x.size / gamma.size) : 1;
    const { y, mean, variance, reserves } =
      blocks === 1 ? fused(x, gamma, beta, epsilon) : forwardInBlocks(x, gamma, beta, epsilon, blocks);
    const attributes = normAttributes(epsilon, true).filter(({ name }) => name !== "exponential_avg_factor");
    const withGradient = tf.customGrad((...inputs) => {
      const save = inputs.pop() as unknown as (tensors: tfjs.Tensor[]) => void;
      save([inputs[0] as tfjs.Tensor, inputs[1] as tfjs.Tensor, ...reserves]);
      return {
        value: y.clone(),
        gradFunc: (dy: tfjs.Tensor, saved: tfjs.Tensor[]) =>
          backend.executeMultipleOutputs("FusedBatchNormGradV3", attributes, [dy, ...saved], 5).slice(0, 3),
      };
    });
    return { y: withGradient(x, gamma, beta) as tfjs.Tensor4D, mean, variance };
  };
}

/** The largest divisor of `pixels` that leaves blocks at least four times as long as there are blocks. */
export function blocksOf(pixels: number): number {
  const most = Math.min(MAX_BLOCKS, Math.floor(Math.sqrt(pixels / 4)));
  for (let blocks = most; blocks > 1; blocks--) if (pixels % blocks === 0) return blocks;
  return 1;
}
