import type * as tfjs from "@tensorflow/tfjs";

const BACKEND = "tensorflow";

export type Inputs = Readonly<Record<string, tfjs.Tensor>>;

/** Puts `run` in the place of a kernel of tfjs-node's; `stock` is the one that was there. */
export function replaceKernel<Attributes>(
  tf: typeof tfjs,
  kernelName: string,
  run: (
    stock: (inputs: Inputs, attributes: Attributes) => tfjs.Tensor,
    inputs: Inputs,
    attributes: Attributes,
  ) => tfjs.Tensor,
): void {
  const stock = tf.getKernel(kernelName, BACKEND);
  tf.unregisterKernel(kernelName, BACKEND);
  tf.registerKernel({
    ...stock,
    kernelFunc(call) {
      const original = (inputs: Inputs, attributes: Attributes) =>
        stock.kernelFunc({ ...call, inputs, attrs: attributes as never }) as tfjs.Tensor;
      return run(original, call.inputs as Inputs, call.attrs as unknown as Attributes);
    },
  });
}
