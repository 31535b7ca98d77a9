/** A checkpoint's network with its weights. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import { normalizationOf } from "../config/pixel-statistics.js";
import type { Engine } from "../engine/engine.js";
import { CnnDistError } from "../errors.js";
import { buildNetwork } from "../layers/build.js";
import type { Network } from "../layers/network.js";
import type { ChannelStatistics } from "../layers/scaled-pixels.js";
import { loadUserModel } from "../layers/user-model.js";
import { checkpointSpec } from "../models/checkpoint-spec.js";
import type { FileModel } from "../models/choice.js";
import { parametersOf } from "../models/parameters.js";
import type { ImageShape, ModelSpec } from "../models/spec.js";
import { type Layout, layoutOf } from "../parameters/layout.js";

export interface LoadedNetwork {
  network: Network;
  /** Of every layer of `network.model`, those of nested models in their model's place. */
  layerNames: readonly string[];
  layout: Layout;
  /** One a bucket, then the state: what a traced function takes. */
  vectors: readonly Float32Array[];
  /** What it takes. */
  input: ImageShape;
  classes: number;
  /** The constant logit of one more class. */
  rubbish: number | null;
  normalizedBy: ChannelStatistics | null;
}

/**
 * `whole`: each layer's channels together, though the table names towers; the same network. What a user model's file may
 * lack as in training.
 */
export async function openNetwork(
  engine: Engine,
  snapshot: Snapshot,
  { whole = false }: { whole?: boolean } = {},
): Promise<LoadedNetwork> {
  const { model } = snapshot.recipe;
  if (model.kind === "file") return userNetwork(engine, snapshot, model);
  const { towers, ...spec } = checkpointSpec(snapshot, model);
  const normalizedBy = normalizationOf(snapshot.recipe, snapshot.pixelStatistics);
  return tableNetwork(engine, whole || towers === undefined ? spec : { ...spec, towers }, {
    ...snapshot,
    normalizedBy,
  });
}

type Values = Pick<Snapshot, "layout" | "weights" | "state">;

/** A table with the weights that a snapshot has for it, by name. */
export function tableNetwork(
  engine: Engine,
  spec: ModelSpec,
  snapshot: Values & { normalizedBy?: ChannelStatistics | null },
): LoadedNetwork {
  const network = buildNetwork(engine, spec);
  const layout = layoutOf(parametersOf(spec));
  return {
    network,
    layerNames: network.model.layers.map(({ name }) => name),
    layout,
    vectors: vectorsOf(engine, layout, snapshot),
    input: spec.input,
    classes: spec.classes,
    rubbish: spec.loss?.logit ?? null,
    normalizedBy: snapshot.normalizedBy ?? null,
  };
}

async function userNetwork(engine: Engine, snapshot: Snapshot, model: FileModel): Promise<LoadedNetwork> {
  const { recipe, image: input, classNames, layout, pixelStatistics } = snapshot;
  const classes = classNames.length;
  const { network, layers } = await loadUserModel(engine, model, { input, classes, seed: recipe.seed });
  return {
    network,
    layerNames: layers.map(({ name }) => name),
    layout,
    vectors: vectorsOf(engine, layout, snapshot),
    input,
    classes,
    rubbish: null,
    normalizedBy: normalizationOf(recipe, pixelStatistics),
  };
}

/** The layout's vectors, filled by name: one a bucket, then the state. A shape may differ where its elements don't. */
function vectorsOf(engine: Engine, layout: Layout, { layout: stored, weights, state }: Values): Float32Array[] {
  const values = new Map([
    ...stored.trainable.map(({ name, offset, size }) => [name, weights.subarray(offset, offset + size)] as const),
    ...stored.state.map(({ name, offset, size }) => [name, state.subarray(offset, offset + size)] as const),
  ]);
  const filled = (slots: Layout["state"], base: number, size: number) => {
    const vector = engine.allocate(size);
    for (const slot of slots) {
      const found = values.get(slot.name);
      if (found?.length !== slot.size)
        throw new CnnDistError(
          "checkpoint",
          `the checkpoint has ${found ? `${found.length} values` : "nothing"} for ${slot.name}, the network needs ${slot.size}. It was written by another version; evaluate it with that one.`,
        );
      vector.set(found, slot.offset - base);
    }
    return vector;
  };
  const vectors = layout.buckets.map(({ slots, offset, size }) => filled(slots, offset, size));
  if (layout.stateSize > 0) vectors.push(filled(layout.state, 0, layout.stateSize));
  return vectors;
}
