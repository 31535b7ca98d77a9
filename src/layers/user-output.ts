/** The last layer of a user's model: the loss takes logits, so a last softmax is taken off. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Tf } from "../engine/engine.js";
import { UsageError } from "../errors.js";

/** Changes the model in place. UsageError `model-shape` for a sigmoid, which no cross-entropy over classes fits. */
export function stripSoftmax(tf: Tf, path: string, model: tfjs.LayersModel): void {
  const layer = lastLayer(model);
  const linear = (tf.layers.activation({ activation: "linear" }) as unknown as { activation: unknown }).activation;
  const known = layer as unknown as { activation?: { getClassName(): string } | unknown };
  if (layer.getClassName() === "Softmax") {
    layer.call = (inputs) => (Array.isArray(inputs) ? inputs[0]! : inputs).clone();
    return;
  }
  const activation = (known.activation as { getClassName?(): string } | undefined)?.getClassName?.();
  if (activation === "softmax") known.activation = linear;
  if (activation === "sigmoid")
    throw new UsageError(
      "model-shape",
      `model ${path} ends in a sigmoid (layer ${layer.name}); the loss is softmax cross-entropy. End it in logits or a softmax.`,
    );
}

/** The layer that makes the output, inside of nested models too. */
function lastLayer(model: tfjs.LayersModel): tfjs.layers.Layer {
  const layer = model.outputs[0]!.sourceLayer;
  return (layer as unknown as { layers?: unknown }).layers ? lastLayer(layer as unknown as tfjs.LayersModel) : layer;
}
