/** What a user's model must not hold, because it could not be trained as its author expects. */
import type * as tfjs from "@tensorflow/tfjs";
import { UsageError } from "../errors.js";
import type { ImageShape } from "../models/spec.js";

/** The parts of tfjs's layers that its types hide. */
interface Inner {
  layers?: tfjs.layers.Layer[];
  layer?: tfjs.layers.Layer;
  cell?: { dropout?: number; recurrentDropout?: number };
  setPlace?: unknown;
  dataFormat?: string;
  stateful?: boolean;
  losses?: unknown[];
  activityRegularizer?: unknown;
  weights: { name: string; dtype: string; constraint: unknown }[];
}

/** They draw their noise on the host, so that a traced step would repeat one draw for ever. */
const HOST_NOISE = new Set(["GaussianNoise", "GaussianDropout", "AlphaDropout", "SpatialDropout1D", "RandomWidth"]);

/** UsageError `model-layer` naming the first layer that cannot be trained here, and what to do about it. */
export function checkLayers(path: string, model: tfjs.LayersModel): void {
  for (const layer of model.layers) checkLayer(path, layer);
}

function checkLayer(path: string, layer: tfjs.layers.Layer): void {
  const inner = layer as unknown as Inner;
  const kind = layer.getClassName();
  const refuse = (what: string) =>
    new UsageError("model-layer", `model ${path}: layer ${layer.name} (${kind}) ${what}`);
  if (kind === "InputLayer") return; // it has no weights, and tfjs marks it as not trainable
  if (layer.trainable === false)
    throw refuse("is frozen (trainable: false); training a part of a network is not supported. Make it trainable.");
  if (inner.layers) {
    for (const each of inner.layers) checkLayer(path, each);
    return;
  }
  if (HOST_NOISE.has(kind) || (kind === "Dropout" && !inner.setPlace))
    throw refuse("draws random numbers on the host, the same in every traced step. Use tf.layers.dropout instead.");
  if ((inner.cell?.dropout ?? 0) > 0 || (inner.cell?.recurrentDropout ?? 0) > 0)
    throw refuse("has dropout of its own, drawn on the host. Set it to 0 and use tf.layers.dropout.");
  if (inner.stateful) throw refuse("is stateful: it would remember one shard's images in the next. Make it stateless.");
  if (inner.dataFormat === "channelsFirst")
    throw refuse("has its channels first; images are height x width x channels. Use dataFormat channelsLast.");
  if ((inner.losses?.length ?? 0) > 0 || inner.activityRegularizer)
    throw refuse("has a regularizer, which the training step does not add to the loss. Remove it; see --weight-decay.");
  for (const { name, dtype, constraint } of inner.weights) {
    if (constraint) throw refuse(`constrains ${name}, which the optimizer would not respect. Remove the constraint.`);
    if (dtype !== "float32") throw refuse(`has a weight of dtype ${dtype} (${name}); only float32 is trained.`);
  }
  // tfjs's TimeDistributed calls its layer without telling it that this is training.
  if (kind === "TimeDistributed" && ["Dropout", "BatchNormalization"].includes(inner.layer?.getClassName() ?? ""))
    throw refuse("would run its layer as in evaluation. Put dropout and batch normalisation outside of it.");
}

/** UsageError `model-layer` unless each parameter has a name of its own: checkpoints find it by that. */
export function checkNames(path: string, named: readonly (readonly [name: string, variable: tfjs.Variable])[]): void {
  const variables = new Map<string, tfjs.Variable>();
  for (const [name, variable] of named) {
    const other = variables.get(name);
    variables.set(name, variable);
    if (other === undefined) continue;
    const layer = name.slice(0, name.lastIndexOf("/"));
    const what =
      other === variable
        ? `uses layer ${layer} twice in a sequential model, which counts its weights twice (${name}). Use tf.model for that.`
        : `has two layers named ${layer} (both have ${name}). Give each layer a name of its own.`;
    throw new UsageError("model-layer", `model ${path} ${what}`);
  }
}

/** UsageError `model-shape` unless the model takes those images and answers with one number a class. */
export function checkShapes(path: string, model: tfjs.LayersModel, input: ImageShape, classes: number): void {
  const refuse = (what: string) => new UsageError("model-shape", `model ${path} ${what}`);
  if (model.inputs.length !== 1 || model.outputs.length !== 1)
    throw refuse(`has ${model.inputs.length} inputs and ${model.outputs.length} outputs; expected one of each.`);
  const text = (shape: readonly (number | null)[]) => `[${shape.map((dim) => dim ?? "any").join(", ")}]`;
  const [batch, ...image] = model.inputs[0]!.shape;
  if (image.length !== 3 || image.some((dim, axis) => dim !== null && dim !== input[axis]))
    throw refuse(
      `takes ${text(image)}, but the data set's images are ${text(input)} (height, width, channels). Build it for that inputShape, or choose another --dataset.`,
    );
  if (batch !== null) throw refuse(`takes exactly ${batch} images at a time; leave the batch size open (null).`);
  const [, ...output] = model.outputs[0]!.shape;
  if (output.length !== 1 || output[0] !== classes)
    throw refuse(
      `ends in ${text(output)}, but the data set has ${classes} classes: expected [${classes}], one logit a class. End it in a dense layer of ${classes} units.`,
    );
}
