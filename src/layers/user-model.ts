/** Models of the user's own: a tfjs model.json, or a module that builds one; turned into a Network like the tables' are. */
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine, Tf } from "../engine/engine.js";
import { CnnDistError, messageOf, UsageError } from "../errors.js";
import type { ImageShape } from "../models/spec.js";
import {
  assertSameModel,
  parseModelJson,
  readModelBytes,
  readUserModelFile,
  type UserModelFile,
  weightPaths,
} from "../models/user-file.js";
import { type Layout, layoutOf, type ParameterSpec } from "../parameters/layout.js";
import { deriveKey, integers } from "../random.js";
import { withDeepStacks } from "../user-frame.js";
import { type CustomLayers, customLayers } from "./custom/index.js";
import { type Network, namedVariables, networkOf } from "./network.js";
import { syntaxPlace } from "./syntax-place.js";
import { checkLayers, checkNames, checkShapes } from "./user-checks.js";
import { callingModel, modelError } from "./user-code.js";
import { stableNames } from "./user-names.js";
import { stripSoftmax } from "./user-output.js";
import { type UserLayer, userLayers } from "./user-summary.js";

/** What a module exports: `export function createModel(tf, { inputShape, classes, seed })`. */
type CreateModel = (
  tf: Tf,
  facts: { inputShape: ImageShape; classes: number; seed: number },
) => tfjs.LayersModel | Promise<tfjs.LayersModel>;

export interface UserModel {
  network: Network;
  layout: Layout;
  /** Initial values as the layout has them: weights, then state. */
  values: Float32Array;
  topologySha256: string;
  layers: readonly UserLayer[];
}

/**
 * Loads or builds the model. Keras's Dropout and BatchNormalization become ours, a last softmax is taken off. Everything
 * random follows from `seed`. UsageError `model-differs` where the file is not the one that is meant: nothing of it has
 * run then; `model-file`, `model-layer` or `model-shape` says what is wrong with it.
 */
export async function loadUserModel(
  engine: Engine,
  { path, sha256 }: { path: string; sha256: string },
  facts: { input: ImageShape; classes: number; seed: number },
): Promise<UserModel> {
  const file = readUserModelFile(path);
  assertSameModel({ path, sha256 }, file.sha256);
  const custom = customLayers(engine);
  const model = await withSeededRandom(facts.seed, () =>
    file.kind === "json" ? fromJson(engine.tf, file) : fromModule(engine.tf, custom, file, facts),
  );
  checkShapes(path, model, facts.input, facts.classes);
  stripSoftmax(engine.tf, path, model);
  checkLayers(path, model);

  const names = stableNames(model);
  const named = namedVariables(model, names.of);
  checkNames(path, named);
  const trainable = new Set(model.trainableWeights.map((weight) => (weight as unknown as { val: tfjs.Variable }).val));
  const parameters = named.map(([name, variable]) => parameterOf(name, variable, trainable.has(variable)));
  const layout = layoutOf(parameters);
  return {
    network: { ...networkOf(model, parameters, { named }), calling: (call) => callingModel(path, call) },
    layout,
    layers: userLayers(model, names.of),
    values: valuesOf(layout, new Map(named)),
    topologySha256: createHash("sha256")
      .update(
        JSON.stringify({
          config: names.rename(model.getConfig()),
          shapes: parameters.map(({ name, shape }) => [name, shape]),
        }),
      )
      .digest("hex"),
  };
}

function parameterOf(name: string, variable: tfjs.Variable, trainable: boolean): ParameterSpec {
  return {
    name,
    shape: variable.shape,
    role: trainable ? "trainable" : "state",
    init: { kind: "zeros" }, // never used: the values come from the model
    decay: trainable && variable.shape.length >= 2 && !name.endsWith("/alpha"),
  };
}

function valuesOf(layout: Layout, variables: ReadonlyMap<string, tfjs.Variable>): Float32Array {
  const values = new Float32Array(layout.size + layout.stateSize);
  const put = (base: number) => (slot: { name: string; offset: number }) =>
    values.set(variables.get(slot.name)!.dataSync<"float32">(), base + slot.offset);
  layout.trainable.forEach(put(0));
  layout.state.forEach(put(layout.size));
  return values;
}

async function fromJson(tf: Tf, { path }: UserModelFile): Promise<tfjs.LayersModel> {
  const json = parseModelJson(path, readModelBytes(path));
  const specs = (json.weightsManifest ?? []).flatMap(({ weights }) => weights) as tfjs.io.WeightsManifestEntry[];
  const shards = weightPaths(path, json).map(readModelBytes);
  const artifacts: tfjs.io.ModelArtifacts = { modelTopology: json.modelTopology as object };
  if (specs.length > 0) {
    artifacts.weightSpecs = specs;
    artifacts.weightData = new Uint8Array(Buffer.concat(shards)).buffer;
  }
  try {
    return await tf.loadLayersModel({ load: async () => artifacts });
  } catch (error) {
    if (error instanceof CnnDistError) throw error;
    throw new UsageError("model-file", `model ${path} cannot be loaded: ${messageOf(error)}`, { cause: error });
  }
}

/** Runs the module. */
async function importedCreate(path: string): Promise<CreateModel> {
  const module = await import(pathToFileURL(path).href).catch(async (error: unknown) => {
    const place = error instanceof SyntaxError ? await syntaxPlace(path) : null;
    throw modelError(path, error, { code: "model-file", did: "cannot be loaded", place });
  });
  const create: unknown = module.createModel ?? module.default?.createModel;
  if (typeof create === "function") return create as CreateModel;
  throw new UsageError(
    "model-file",
    `model ${path} exports no function createModel; it exports ${Object.keys(module).join(", ") || "nothing"}. Expected: export function createModel(tf, { inputShape, classes, seed }).`,
  );
}

async function fromModule(
  tf: Tf,
  custom: CustomLayers,
  { path }: UserModelFile,
  { input, classes, seed }: { input: ImageShape; classes: number; seed: number },
): Promise<tfjs.LayersModel> {
  const create = await importedCreate(path);
  const build = () => create(withOurLayers(tf, custom), { inputShape: input, classes, seed });
  const built = await Promise.resolve()
    .then(() => withDeepStacks(build))
    .catch((error: unknown) => {
      throw modelError(path, error);
    });
  if (built instanceof tf.LayersModel) return built;
  throw new UsageError(
    "model-file",
    `model ${path}: createModel returned ${describe(built)}; expected a tf.LayersModel (tf.sequential or tf.model), made with the tf that it was given and not with one that it imported.`,
  );
}

function describe(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value);
  return `an object of class ${value.constructor?.name ?? "none"}`;
}

/** The same tfjs, but for the layers whose noise and statistics the step has to own. */
function withOurLayers(tf: Tf, custom: CustomLayers): Tf {
  const own = (value: unknown) => ({ value, enumerable: true });
  const layers = Object.create(tf.layers, {
    dropout: own(custom.dropout),
    batchNormalization: own(custom.batchNormalization),
  });
  return Object.create(tf, { layers: own(layers) });
}

/** tfjs seeds its initializers by Math.random: while a model is built, that follows from the recipe's seed. */
async function withSeededRandom<T>(seed: number, build: () => Promise<T>): Promise<T> {
  const key = deriveKey(seed, "user-model");
  let drawn = 0;
  const original = Math.random;
  Math.random = () => {
    const [high, low] = integers(key, 2, 2 * drawn++);
    return (high! * 2 ** 21 + (low! >>> 11)) / 2 ** 53;
  };
  try {
    return await build();
  } finally {
    Math.random = original;
  }
}
