/**
 * Biases and matrix products by the names under which TensorFlow fuses them: tfjs-node spells a bias as an addition and a
 * product as one of batches, and in a traced function, whose inputs have no shapes, grappler cannot tell what they are. A
 * convolution or product, its bias and its ReLU then run as one op, as do the gradients of a kernel and its bias.
 */
import type * as tfjs from "@tensorflow/tfjs";
import { boolAttribute, stringAttribute, typeAttribute } from "../native/attributes.js";
import type { NodeBackend } from "../native/backend.js";
import { DTYPE } from "../native/dtype.js";
import { replaceKernel } from "./replace.js";

const FLOAT = typeAttribute("T", DTYPE.float);
const BIAS = [FLOAT, stringAttribute("data_format", "NHWC")];

export function useNamedBiases(tf: typeof tfjs, backend: NodeBackend): void {
  replaceKernel(tf, "Add", (stock, inputs, attributes) => {
    const { a, b } = inputs as { a: tfjs.Tensor; b: tfjs.Tensor };
    return isBias(a, b) ? backend.executeSingleOutput("BiasAdd", BIAS, [a, b]) : stock(inputs, attributes);
  });
  replaceKernel<{ axis: number | number[]; keepDims: boolean }>(tf, "Sum", (stock, inputs, attributes) => {
    const { x } = inputs as { x: tfjs.Tensor };
    const axes = tf.util.parseAxisParam(attributes.axis, x.shape);
    if (attributes.keepDims || !leavesChannels(x, axes)) return stock(inputs, attributes);
    return backend.executeSingleOutput("BiasAddGrad", BIAS, [x]);
  });
  const stock = tf.getGradient("Add");
  tf.unregisterGradient("Add");
  tf.registerGradient({
    ...stock,
    gradFunc(dy, saved, attributes) {
      const [a, b] = saved as [tfjs.Tensor, tfjs.Tensor];
      if (!isBias(a, b)) return stock.gradFunc(dy, saved, attributes);
      // Without tfjs's reshaping to the shape that it has, which would hide that a kernel's gradient takes the same tensor.
      const gradient = dy as tfjs.Tensor;
      return { a: () => gradient.clone(), b: () => tf.sum(gradient, leadingAxes(gradient)) };
    },
  });
}

const leadingAxes = ({ rank }: tfjs.Tensor) => Array.from({ length: rank - 1 }, (_, axis) => axis);

function leavesChannels({ dtype, rank }: tfjs.Tensor, axes: readonly number[]): boolean {
  return dtype === "float32" && rank >= 2 && axes.length === rank - 1 && !axes.includes(rank - 1);
}

function isBias(a: tfjs.Tensor, b: tfjs.Tensor): boolean {
  return a.dtype === "float32" && b.dtype === "float32" && b.rank === 1 && a.rank >= 2 && a.shape.at(-1) === b.size;
}

export function usePlainProducts(tf: typeof tfjs, backend: NodeBackend): void {
  replaceKernel<{ transposeA: boolean; transposeB: boolean }>(tf, "BatchMatMul", (stock, inputs, attributes) => {
    const { a, b } = inputs as { a: tfjs.Tensor; b: tfjs.Tensor };
    const [left, right] = [matrixOf(tf, a), matrixOf(tf, b)];
    if (!left || !right) return stock(inputs, attributes);
    const transposed = [
      boolAttribute("transpose_a", attributes.transposeA),
      boolAttribute("transpose_b", attributes.transposeB),
    ];
    const product = backend.executeSingleOutput("MatMul", [FLOAT, ...transposed], [left, right]);
    return Math.max(a.rank, b.rank) === 2 ? product : tf.reshape(product, [1, ...product.shape]);
  });
}

/** A matrix, or the only one of a batch; null for any other tensor. */
function matrixOf(tf: typeof tfjs, tensor: tfjs.Tensor): tfjs.Tensor | null {
  if (tensor.dtype !== "float32") return null;
  if (tensor.rank === 2) return tensor;
  return tensor.rank === 3 && tensor.shape[0] === 1 ? tf.reshape(tensor, tensor.shape.slice(1)) : null;
}
