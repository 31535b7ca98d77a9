/** What a step minimises, sample by sample. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine } from "../engine/engine.js";
import type { Network } from "./network.js";

/**
 * Cross-entropy of logits [n, k] against class numbers (int32 [n]), one loss a sample. `smoothing` a spreads a share of the
 * target evenly: (1 - a) * one-hot + a / k (Szegedy et al. 2016, arXiv:1512.00567, section 7). A network's rubbish class
 * takes part in the sum of LeCun et al. 1998, equation 9, and in no target.
 */
export function sampleLosses(
  { tf, ops }: Engine,
  { rubbishLogit }: Pick<Network, "rubbishLogit">,
  logits: tfjs.Tensor2D,
  labels: tfjs.Tensor,
  smoothing = 0,
): tfjs.Tensor1D {
  const [samples, classes] = logits.shape;
  const extended = rubbishLogit === null ? logits : tf.concat([logits, tf.fill([samples, 1], rubbishLogit)], 1);
  if (smoothing === 0) return ops.softmaxCrossEntropy(extended as tfjs.Tensor2D, labels);
  const oneHot = tf.cast(tf.oneHot(labels as tfjs.Tensor1D, classes), "float32");
  const targets = tf.add(tf.mul(oneHot, 1 - smoothing), smoothing / classes);
  return ops.softmaxCrossEntropy(
    extended as tfjs.Tensor2D,
    rubbishLogit === null
      ? targets
      : tf.pad(targets as tfjs.Tensor2D, [
          [0, 0],
          [0, 1],
        ]),
  );
}
