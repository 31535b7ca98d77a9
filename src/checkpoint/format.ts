/** What lies in a checkpoint's folder, as values: pure, no files. docs/checkpoints.md describes it for people. */
import { z } from "zod";
import { fingerprintSchema } from "../config/fingerprint.js";
import { pixelStatisticsSchema } from "../config/pixel-statistics.js";
import { recipeCodec, written } from "../config/recipe.js";
import { CnnDistError } from "../errors.js";
import { type Layout, layoutOf, type ParameterSpec, type Slot } from "../parameters/layout.js";
import type { NamedTensor } from "./safetensors.js";
import type { Averages, Snapshot } from "./snapshot.js";

export const FILES = {
  weights: "weights.safetensors",
  optimizer: "optimizer.safetensors",
  /** Only of a run that keeps a moving average. */
  ema: "ema.safetensors",
  residuals: "residuals.safetensors",
  state: "state.json",
  manifest: "manifest.json",
} as const;
const VERSION = 1;

const finite = z.number().finite();
const size = z.number().int().min(1);
const stateSchema = z.strictObject({
  version: z.literal(VERSION),
  recipe: recipeCodec,
  recipeSha256: z.string(),
  image: z.tuple([size, size, size]),
  classNames: z.array(z.string()).min(1),
  pixelStatistics: pixelStatisticsSchema.nullable(),
  fingerprint: fingerprintSchema.nullable().default(null),
  step: z.number().int().min(0),
  epoch: z.number().int().min(0),
  stepInEpoch: z.number().int().min(0),
  schedule: z.strictObject({ factor: finite, best: finite.nullable(), waited: z.number().int().min(0) }),
  best: z.strictObject({ accuracy: finite, loss: finite, epoch: z.number().int(), step: z.number().int() }).nullable(),
  loss: finite.nullable(),
  evaluated: z.boolean(),
  /** In the network's order. */
  parameters: z.array(
    z.strictObject({
      name: z.string(),
      shape: z.array(z.number().int().min(0)),
      role: z.enum(["trainable", "state"]),
      decay: z.boolean(),
    }),
  ),
});
export type StateFile = z.input<typeof stateSchema>;

export const manifestSchema = z.strictObject({
  version: z.literal(VERSION),
  files: z.record(
    z.string(),
    z.strictObject({ bytes: z.number().int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  ),
});
export type Manifest = z.infer<typeof manifestSchema>;

export function manifestOf(files: Manifest["files"]): Manifest {
  return { version: VERSION, files };
}

function stateOf(snapshot: Snapshot): StateFile {
  const { layout } = snapshot;
  const parameter = ({ name, shape, role, decay }: Slot) => ({ name, shape: [...shape], role, decay });
  return {
    version: VERSION,
    recipe: written(snapshot.recipe),
    recipeSha256: snapshot.recipeSha256,
    image: [...snapshot.image],
    classNames: [...snapshot.classNames],
    pixelStatistics: snapshot.pixelStatistics,
    fingerprint: snapshot.fingerprint,
    step: snapshot.step,
    epoch: snapshot.epoch,
    stepInEpoch: snapshot.stepInEpoch,
    schedule: snapshot.schedule,
    best: snapshot.best,
    loss: snapshot.loss,
    evaluated: snapshot.evaluated,
    parameters: [...layout.trainable.map(parameter), ...layout.state.map(parameter)],
  };
}

export interface Contents {
  weights: NamedTensor[];
  optimizer: NamedTensor[];
  /** The moving average under the names of `weights`; null without one. */
  ema: NamedTensor[] | null;
  /** Of each shard, as SHARD/PARAMETER; null without compression. */
  residuals: NamedTensor[] | null;
  state: StateFile;
}

/** The tensors are views of the snapshot's arrays. */
export function contentsOf(snapshot: Snapshot): Contents {
  const { layout, slots, ema, residuals } = snapshot;
  const view = (vector: Float32Array, slot: Slot, name = slot.name): NamedTensor => ({
    name,
    shape: slot.shape,
    data: vector.subarray(slot.offset, slot.offset + slot.size),
  });
  const values = ({ weights, state }: Averages) => [
    ...layout.trainable.map((slot) => view(weights, slot)),
    ...layout.state.map((slot) => view(state, slot)),
  ];
  return {
    weights: values(snapshot),
    optimizer: Object.entries(slots).flatMap(([name, vector]) =>
      layout.trainable.map((slot) => view(vector, slot, `${name}/${slot.name}`)),
    ),
    ema: ema && values(ema),
    residuals:
      residuals.length === 0
        ? null
        : residuals.flatMap((vector, shard) =>
            layout.trainable.map((slot) => view(vector, slot, `${shard}/${slot.name}`)),
          ),
    state: stateOf(snapshot),
  };
}

/** Back from a checkpoint's contents. Throws CnnDistError `checkpoint` when the parts do not belong together. */
export function snapshotOf({
  weights,
  optimizer,
  ema,
  residuals,
  state: file,
}: Omit<Contents, "state"> & { state: unknown }): Snapshot {
  const parsed = stateSchema.safeParse(file);
  if (!parsed.success)
    throw new CnnDistError(
      "checkpoint",
      `state.json is not a state of version ${VERSION}: ${parsed.error.issues[0]?.path.join(".")}: ${parsed.error.issues[0]?.message}`,
    );
  const state = parsed.data;
  const parameters: ParameterSpec[] = state.parameters.map((each) => ({ ...each, init: { kind: "zeros" } }));
  const layout = layoutOf(parameters);
  if (state.recipe.ema !== null && ema === null)
    throw new CnnDistError("checkpoint", `the recipe keeps a moving average (ema), and there is no ${FILES.ema}`);
  const compressed = state.recipe.compress !== "none" && state.step > 0;
  if (compressed && residuals === null)
    throw new CnnDistError("checkpoint", `the recipe compresses gradients, and there is no ${FILES.residuals}`);
  const shards = compressed ? state.recipe.shards * state.recipe.accumulate : 0;
  const values = (tensors: readonly NamedTensor[]): Averages => ({
    weights: gather(tensors, layout.trainable, layout.size),
    state: gather(tensors, layout.state, layout.stateSize),
  });
  const slotNames = [...new Set(optimizer.map(({ name }) => name.slice(0, name.indexOf("/"))))];
  return {
    recipe: state.recipe,
    recipeSha256: state.recipeSha256,
    image: state.image,
    classNames: state.classNames,
    pixelStatistics: state.pixelStatistics,
    fingerprint: state.fingerprint,
    layout,
    step: state.step,
    epoch: state.epoch,
    stepInEpoch: state.stepInEpoch,
    schedule: state.schedule,
    best: state.best,
    loss: state.loss,
    evaluated: state.evaluated,
    ...values(weights),
    ema: ema && values(ema),
    residuals: Array.from({ length: shards }, (_, shard) =>
      gather(residuals!, layout.trainable, layout.size, `${shard}/`),
    ),
    slots: Object.fromEntries(
      slotNames.map((name) => [name, gather(optimizer, layout.trainable, layout.size, `${name}/`)]),
    ),
  };
}

function gather(tensors: readonly NamedTensor[], slots: Layout["trainable"], size: number, prefix = ""): Float32Array {
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const vector = new Float32Array(size);
  for (const slot of slots) {
    const tensor = byName.get(prefix + slot.name);
    if (tensor?.shape.join() !== slot.shape.join())
      throw new CnnDistError(
        "checkpoint",
        `tensor ${prefix}${slot.name}: expected the shape [${slot.shape}], ${tensor ? `received [${tensor.shape}]` : "there is none"}`,
      );
    vector.set(tensor.data, slot.offset);
  }
  return vector;
}
