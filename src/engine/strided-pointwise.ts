/**
 * The weight gradient of a 1x1 convolution with strides. oneDNN's own writes past its workspace: seen as a corrupted heap
 * and a crash in TensorFlow 2.21 and PyTorch 2.13 alike, for 4 and 8 channels of 56x56 and stride 2 on an AVX-512 machine.
 * The pixels that it passes over have no part in it, so the same gradient without strides is taken of the others.
 */
import type * as tfjs from "@tensorflow/tfjs";

const KERNEL = "Conv2DBackpropFilter";
const BACKEND = "tensorflow";

export function avoidStridedPointwise(tf: typeof tfjs): void {
  const stock = tf.getKernel(KERNEL, BACKEND);
  tf.unregisterKernel(KERNEL, BACKEND);
  tf.registerKernel({
    ...stock,
    kernelFunc(call) {
      const attributes = call.attrs as unknown as { filterShape: number[]; strides: number | [number, number] };
      const [height, width] = attributes.filterShape;
      const [down, right] = [attributes.strides].flat() as [number, number?];
      const steps = [down, right ?? down] as const;
      if (height !== 1 || width !== 1 || Math.max(...steps) === 1) return stock.kernelFunc(call);
      const x = call.inputs.x as tfjs.Tensor4D;
      const taken = tf.stridedSlice(x, [0, 0, 0, 0], x.shape, [1, ...steps, 1]);
      const attrs = { ...call.attrs, strides: 1 };
      return stock.kernelFunc({ ...call, inputs: { ...call.inputs, x: taken }, attrs });
    },
  });
}
