/** What a recipe turns into in a worker: TensorFlow, the data set, and the network of a recipe. */
import { normalizationOf, type PixelStatistics } from "../config/pixel-statistics.js";
import type { Recipe } from "../config/recipe.js";
import { openPipeline } from "../data/augment/pipeline.js";
import type { Dataset, LoadOptions } from "../data/dataset.js";
import { loadDataset } from "../data/datasets.js";
import { LateDecoder } from "../data/late-decoder.js";
import type { Engine, EngineOptions } from "../engine/engine.js";
import { openEngine } from "../engine/open.js";
import { buildNetwork } from "../layers/build.js";
import type { Network } from "../layers/network.js";
import { loadUserModel } from "../layers/user-model.js";
import { allowedModel } from "../models/allowed.js";
import { nameOf } from "../models/choice.js";
import { topologySha256 } from "../models/parameters.js";
import { buildModel } from "../models/registry.js";
import type { ImageShape } from "../models/spec.js";
import { assertDevices, towersOf } from "../models/tower-devices.js";
import { type Layout, layoutOf } from "../parameters/layout.js";
import { assertBucketsFit, assertValuesFit } from "../protocol/payload-size.js";
import { VERSION } from "../version.js";
import { Compute } from "./compute.js";
import type { WorkerSetup } from "./worker.js";

export interface WorkerSetupOptions {
  libraryDir: string;
  device: EngineOptions["device"];
  /** On which the network's towers lie. */
  devices: number;
  /** Models of the user's own that this worker may read and run: nothing else is, whatever the coordinator names. */
  modelFiles: readonly string[];
  data: Omit<LoadOptions, "options">;
}

export async function openWorkerSetup(
  recipe: Recipe,
  pixelStatistics: PixelStatistics | null,
  options: WorkerSetupOptions,
  progress: (what: string) => void,
): Promise<WorkerSetup> {
  const model = allowedModel(recipe.model, options.modelFiles);
  assertDevices(options.devices, towersOf(model));
  const decoder = new LateDecoder();
  progress(`reading ${recipe.dataset}`);
  const dataset = await loadDataset(recipe.dataset, {
    ...options.data,
    options: recipe.datasetOptions,
    decode: decoder.decode,
    ...(recipe.datasetSha256 ? { sha256: recipe.datasetSha256 } : {}),
  });
  const pipelines = pipelinesOf(recipe, dataset.shape, pixelStatistics);
  const { shape } = pipelines.evaluation;
  progress("loading TensorFlow");
  const engine = openEngine({
    libraryDir: options.libraryDir,
    threads: recipe.threads,
    device: options.device,
    devices: options.devices,
    precision: recipe.precision,
  });
  decoder.use(engine);
  progress(`building ${nameOf(recipe.model)}`);
  const { network, layout, topology, initialValues } = await build(
    engine,
    { ...recipe, model },
    { shape, classes: dataset.classes },
  );
  return {
    fingerprint: { software: VERSION, ...engine.info },
    dataset,
    pipelines,
    topologySha256: topology,
    layout,
    computer: new Compute({
      engine,
      network,
      layout,
      shape,
      labelSmoothing: recipe.labelSmoothing,
      normalizedBy: normalizationOf(recipe, pixelStatistics),
    }),
    allocate: (length) => engine.allocate(length),
    memory: () => engine.memory(),
    initialValues,
    close: () => engine.close(),
  };
}

function pipelinesOf(
  recipe: Recipe,
  shape: ImageShape,
  pixelStatistics: PixelStatistics | null,
): WorkerSetup["pipelines"] {
  const { augmentation, seed } = recipe;
  const options = { augmentation, shape, seed, principal: pixelStatistics?.principal ?? null };
  return {
    training: openPipeline({ ...options, form: "training" }),
    evaluation: openPipeline({ ...options, form: "evaluation" }),
  };
}

interface Built extends Pick<WorkerSetup, "initialValues"> {
  network: Network;
  layout: Layout;
  topology: string;
}

/** From the network's table, or from the user's file. */
async function build(
  engine: Engine,
  recipe: Recipe,
  { shape, classes }: Pick<Dataset, "shape" | "classes">,
): Promise<Built> {
  const { model } = recipe;
  if (model.kind === "table") {
    const spec = buildModel(model.name, { input: shape, classes, options: model.options });
    const network = buildNetwork(engine, spec);
    return { network, layout: layoutOf(network.parameters), topology: topologySha256(spec), initialValues: null };
  }
  const user = await loadUserModel(engine, model, { input: shape, classes, seed: recipe.seed });
  const parameters = user.network.parameters.map(({ name, shape, role, decay }) => ({
    name,
    shape: [...shape],
    role,
    decay,
  }));
  const { network, layout, topologySha256: topology, values } = user;
  assertBucketsFit(layout);
  assertValuesFit(model.path, layout);
  return { network, layout, topology, initialValues: { parameters, values } };
}
