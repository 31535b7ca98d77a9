/** The real workshop: TensorFlow, the data set, and the network of a recipe. */
import type { Recipe } from "../config/recipe.js";
import type { LoadOptions } from "../data/dataset.js";
import { loadDataset } from "../data/datasets.js";
import type { EngineOptions } from "../engine/engine.js";
import { openEngine } from "../engine/open.js";
import { buildNetwork } from "../layers/build.js";
import { topologySha256 } from "../models/parameters.js";
import { buildModel } from "../models/registry.js";
import { layoutOf } from "../parameters/layout.js";
import { VERSION } from "../version.js";
import { Compute } from "./compute.js";
import type { Workshop } from "./worker.js";

export interface WorkshopOptions {
  libraryDir: string;
  device: EngineOptions["device"];
  data: Omit<LoadOptions, "options">;
}

export async function openWorkshop(
  recipe: Recipe,
  options: WorkshopOptions,
  progress: (what: string) => void,
): Promise<Workshop> {
  progress(`reading ${recipe.dataset}`);
  const dataset = await loadDataset(recipe.dataset, {
    ...options.data,
    options: recipe.datasetOptions,
    ...(recipe.datasetSha256 ? { sha256: recipe.datasetSha256 } : {}),
  });
  progress("loading TensorFlow");
  const engine = openEngine({
    libraryDir: options.libraryDir,
    threads: recipe.threads,
    device: options.device,
    precision: recipe.precision,
  });
  progress(`building ${recipe.model}`);
  const spec = buildModel(recipe.model, {
    input: dataset.shape,
    classes: dataset.classes,
    options: recipe.modelOptions,
  });
  const network = buildNetwork(engine, spec);
  const layout = layoutOf(network.parameters);
  return {
    fingerprint: { software: VERSION, ...engine.info },
    dataset,
    topologySha256: topologySha256(spec),
    layout,
    computer: new Compute({
      engine,
      network,
      layout,
      shape: dataset.shape,
      classes: dataset.classes,
      labelSmoothing: recipe.labelSmoothing,
    }),
    allocate: (length) => engine.allocate(length),
    memory: () => engine.memory(),
    founding: null,
    close: () => engine.close(),
  };
}
