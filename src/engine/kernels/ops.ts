/**
 * TensorFlow's fused ops for what tfjs spells out element by element, each with its gradient. They work in a trace and
 * outside of one. All images are NHWC, float32.
 */
import type * as tfjs from "@tensorflow/tfjs";
import { typeAttribute } from "../native/attributes.js";
import type { NodeBackend } from "../native/backend.js";
import { DTYPE } from "../native/dtype.js";
import { batchNormTrain, normAttributes } from "./batch-norm.js";
import { useNamedBiases, usePlainProducts } from "./dense.js";
import { avoidStridedPointwise } from "./pointwise.js";
import { correctResizeGradient } from "./resize-gradient.js";
import { registerTowerKernels, type TowerOps, towerOps } from "./towers.js";
import { useConvolvedWeightGradients } from "./weight-gradient.js";

export interface Ops extends TowerOps {
  /**
   * Batch normalisation by the batch's own statistics (Ioffe & Szegedy 2015, algorithm 1). `x` [n, h, w, c]; `gamma` and
   * `beta` [c]. `mean` and `variance` [c] are the batch's; the variance is Bessel-corrected (divided by n*h*w - 1), as
   * PyTorch and TensorFlow's fused op keep it in the moving average.
   */
  batchNormTrain(
    x: tfjs.Tensor4D,
    gamma: tfjs.Tensor1D,
    beta: tfjs.Tensor1D,
    epsilon: number,
  ): { y: tfjs.Tensor4D; mean: tfjs.Tensor1D; variance: tfjs.Tensor1D };
  /** The same with given statistics; no gradient. */
  batchNormInference(
    x: tfjs.Tensor4D,
    gamma: tfjs.Tensor1D,
    beta: tfjs.Tensor1D,
    mean: tfjs.Tensor1D,
    variance: tfjs.Tensor1D,
    epsilon: number,
  ): tfjs.Tensor4D;
  /** Loss of each sample, [n], of logits [n, k] against class numbers (int32 [n]) or distributions (float32 [n, k]). */
  softmaxCrossEntropy(logits: tfjs.Tensor2D, labels: tfjs.Tensor): tfjs.Tensor1D;
  /**
   * Inverted dropout (Srivastava et al. 2014, section 10): zeroes a share `rate` of `x`, scales the rest by 1/(1-rate).
   * The noise is a function of `seed` (int32 [2]) alone: Philox 4x32-10 by TensorFlow's stateless generator.
   */
  dropout(x: tfjs.Tensor, rate: number, seed: tfjs.Tensor1D): tfjs.Tensor;
}

const PHILOX = 1;

/** Once a process: replaces kernels and gradients that tfjs-node registered. */
export function replaceKernels(tf: typeof tfjs, backend: NodeBackend): void {
  useFusedReluGradient(tf, backend);
  avoidStridedPointwise(tf);
  useNamedBiases(tf, backend);
  usePlainProducts(tf, backend);
  correctResizeGradient(tf, backend);
  registerTowerKernels(tf, backend);
  useConvolvedWeightGradients(tf, backend);
}

export function createOps(tf: typeof tfjs, backend: NodeBackend, batchNormInBlocks: boolean): Ops {
  const float = typeAttribute("T", DTYPE.float);

  return {
    ...towerOps(tf, backend),
    batchNormTrain: batchNormTrain(tf, backend, batchNormInBlocks),

    batchNormInference(x, gamma, beta, mean, variance, epsilon) {
      const outputs = backend.executeMultipleOutputs(
        "FusedBatchNormV3",
        normAttributes(epsilon, false),
        [x, gamma, beta, mean, variance],
        6,
      );
      return outputs[0] as tfjs.Tensor4D;
    },

    softmaxCrossEntropy(logits, labels) {
      const sparse = labels.dtype === "int32";
      const name = sparse ? "SparseSoftmaxCrossEntropyWithLogits" : "SoftmaxCrossEntropyWithLogits";
      const attributes = sparse ? [float, typeAttribute("Tlabels", DTYPE.int32)] : [float];
      const withGradient = tf.customGrad((...inputs) => {
        const save = inputs.pop() as unknown as (tensors: tfjs.Tensor[]) => void;
        const [losses, backprop] = backend.executeMultipleOutputs(
          name,
          attributes,
          [inputs[0] as tfjs.Tensor, labels],
          2,
        );
        save([backprop!]);
        return {
          value: losses!,
          gradFunc: (dy: tfjs.Tensor, saved: tfjs.Tensor[]) => tf.mul(dy.expandDims(1), saved[0]!),
        };
      });
      return withGradient(logits) as tfjs.Tensor1D;
    },

    dropout(x, rate, seed) {
      if (rate === 0) return x.clone();
      const mask = tf.mul(
        tf.cast(tf.greaterEqual(statelessUniform(tf, backend, x.shape, seed), rate), "float32"),
        1 / (1 - rate),
      );
      return tf.mul(x, mask);
    },
  };
}

/** U[0, 1) of `shape`. Key and counter are uint64, which tfjs has no name for, so they go from op to op by id. */
function statelessUniform(
  tf: typeof tfjs,
  backend: NodeBackend,
  shape: readonly number[],
  seed: tfjs.Tensor,
): tfjs.Tensor {
  const { binding } = backend;
  const [seedId, shapeId] = backend.getInputTensorIds([seed, tf.tensor1d([...shape], "int32")]) as [number, number];
  const [key, counter] = binding.executeOp(
    "StatelessRandomGetKeyCounter",
    [typeAttribute("Tseed", DTYPE.int32)],
    [seedId],
    2,
  );
  const algorithm = backend.getInputTensorIds([tf.scalar(PHILOX, "int32")])[0]!;
  const attributes = [typeAttribute("dtype", DTYPE.float), typeAttribute("Tshape", DTYPE.int32)];
  const [noise] = binding.executeOp(
    "StatelessRandomUniformV2",
    attributes,
    [shapeId, key!.id, counter!.id, algorithm],
    1,
  );
  binding.deleteTensor(key!.id);
  binding.deleteTensor(counter!.id);
  return backend.createOutputTensor(noise!);
}

/** tfjs's gradient of ReLU is a step function and a product; TensorFlow has both in one op. */
function useFusedReluGradient(tf: typeof tfjs, backend: NodeBackend): void {
  tf.unregisterGradient("Relu");
  tf.registerGradient({
    kernelName: "Relu",
    outputsToSave: [true],
    gradFunc: (dy, saved) => ({
      x: () =>
        backend.executeSingleOutput("ReluGrad", [typeAttribute("T", DTYPE.float)], [dy as tfjs.Tensor, saved[0]!]),
    }),
  });
}
