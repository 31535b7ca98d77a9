/**
 * The weight gradient of a convolution in bfloat16, as a convolution itself. oneDNN's own kernel brings images into
 * bfloat16's order of pairs once for every 16 output channels when it runs on TensorFlow's threads, which takes as long as
 * the products where there are many channels and few pixels (docs/decisions/028-bf16-weight-gradients.md).
 *
 *     dW[i, j, c, k] = sum over n, y, x of X[n, y * stride + i - top, x * stride + j - left, c] * dY[n, y, x, k]
 *
 * is a convolution over X whose images are the channels c, whose channels are the images n, and whose kernel is dY, dilated
 * by the stride.
 */
import type * as tfjs from "@tensorflow/tfjs";
import type { NodeBackend } from "../native/backend.js";
import { replaceKernel } from "./replace.js";

/** As tfjs gives them to the kernel. */
interface Attributes {
  filterShape: [number, number, number, number];
  strides: number | [number, number];
  pad: Parameters<typeof tfjs.backend_util.computeConv2DInfo>[4];
  dimRoundingMode?: "floor" | "round" | "ceil";
}

/** From 64 channels on both sides, and up to 8x8 output pixels, this form is faster. */
const MIN_CHANNELS = 64;
const MAX_PIXELS = 8 * 8;

export function useConvolvedWeightGradients(tf: typeof tfjs, { binding }: NodeBackend): void {
  replaceKernel<Attributes>(tf, "Conv2DBackpropFilter", (stock, inputs, attributes) => {
    const { x, dy } = inputs as { x: tfjs.Tensor4D; dy: tfjs.Tensor4D };
    const plan = binding.precision === "bf16" ? asConvolution(tf, x.shape, attributes) : null;
    if (!plan) return stock(inputs, attributes);
    const images = tf.transpose(x, [3, 1, 2, 0]);
    const kernel = tf.transpose(dy, [1, 2, 0, 3]);
    return tf.transpose(tf.conv2d(images, kernel, 1, plan.pad, "NHWC", plan.dilations), [1, 2, 0, 3]);
  });
}

/** Padding and dilations of that convolution, or null where oneDNN's own kernel is to be taken. */
export function asConvolution(
  tf: typeof tfjs,
  shape: [number, number, number, number],
  { filterShape, strides, pad, dimRoundingMode }: Attributes,
): { pad: [[0, 0], [number, number], [number, number], [0, 0]]; dilations: [number, number] } | null {
  const info = tf.backend_util.computeConv2DInfo(shape, filterShape, strides, 1, pad, dimRoundingMode);
  const { padInfo, strideHeight, strideWidth, outHeight, outWidth } = info;
  const [height, width, inner, outer] = filterShape;
  if (Math.min(inner, outer) < MIN_CHANNELS || outHeight * outWidth > MAX_PIXELS || height * width === 1) return null;
  const below = (outHeight - 1) * strideHeight + height - shape[1] - padInfo.top;
  const right = (outWidth - 1) * strideWidth + width - shape[2] - padInfo.left;
  // Pixels that no window reaches: rare, and the stock kernel passes over them.
  if (below < 0 || right < 0) return null;
  return {
    pad: [
      [0, 0],
      [padInfo.top, below],
      [padInfo.left, right],
      [0, 0],
    ],
    dilations: [strideHeight, strideWidth],
  };
}
