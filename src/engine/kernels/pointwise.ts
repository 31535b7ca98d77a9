/**
 * The weight gradient of a 1x1 convolution with strides. oneDNN's own writes past its workspace: seen as a corrupted heap
 * and a crash in TensorFlow 2.21 and PyTorch 2.13 alike, for 4 and 8 channels of 56x56 and stride 2 on an AVX-512 machine.
 * The pixels that it passes over have no part in it, so the same gradient without strides is taken of the others.
 */
import type * as tfjs from "@tensorflow/tfjs";
import { replaceKernel } from "./replace.js";

interface Attributes {
  filterShape: number[];
  strides: number | [number, number];
}

export function avoidStridedPointwise(tf: typeof tfjs): void {
  replaceKernel<Attributes>(tf, "Conv2DBackpropFilter", (stock, inputs, attributes) => {
    const [height, width] = attributes.filterShape;
    const [down, right = down] = [attributes.strides].flat() as [number, number?];
    if (height !== 1 || width !== 1 || Math.max(down, right) === 1) return stock(inputs, attributes);
    // An average over one pixel: oneDNN has it, unlike a strided slice.
    const taken = tf.avgPool(inputs.x as tfjs.Tensor4D, 1, [down, right], "valid");
    return stock({ ...inputs, x: taken }, { ...attributes, strides: 1 });
  });
}
