import type { Recipe } from "../config/recipe.js";
import type { Dataset, LoadOptions } from "../data/dataset.js";
import { datasetFacts, loadDataset } from "../data/datasets.js";
import { UsageError } from "../errors.js";
import { cacheDirectory } from "../paths.js";
import type { Control } from "./options.js";

/** Reads a data set from `dataDir`, or from where it is usually found; `sha256` where only one will do. */
export type ReadDataset = (named: Pick<Recipe, "dataset" | "datasetOptions"> & { sha256?: string }) => Promise<Dataset>;

export function datasetReader(
  dataDir: string | null | undefined,
  { signal, onProgress }: Control,
  decode?: LoadOptions["decode"],
): ReadDataset {
  return ({ dataset, datasetOptions: options, sha256 }) =>
    loadDataset(dataset, {
      cacheDir: cacheDirectory(process.env),
      options,
      ...(decode ? { decode } : {}),
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
      ...(dataDir == null ? {} : { dataDir }),
      ...(sha256 === undefined ? {} : { sha256 }),
    });
}

interface Request {
  dataset?: string | undefined;
  datasetOptions?: Recipe["datasetOptions"] | undefined;
}

/** The run's own data, which must be what it was; or those of `dataset`, which may be any of the same classes. */
export async function datasetOf(
  recipe: Recipe,
  { dataset: name, datasetOptions }: Request,
  read: ReadDataset,
): Promise<Dataset> {
  if (name !== undefined)
    return read({ dataset: name, datasetOptions: { ...optionsLike(recipe, name), ...datasetOptions } });
  if (datasetOptions)
    throw new UsageError("usage", "--dataset-option goes with --dataset; without it the run's own data are read.");
  const known = recipe.datasetSha256;
  const dataset = await read({
    dataset: recipe.dataset,
    datasetOptions: recipe.datasetOptions,
    ...(known === null ? {} : { sha256: known }),
  });
  if (known !== null && dataset.sha256 !== known)
    throw new UsageError(
      "data-differs",
      `the data set ${dataset.name} from ${dataset.source} is not the one of this run (SHA-256 ${dataset.sha256}, expected ${known}). Give the same data by --data-dir, or say by --dataset ${dataset.name} that others are meant.`,
    );
  return dataset;
}

/**
 * Options with which other data are read as the run's were. An image folder has images of any size, so it takes the size and
 * channels of the run's; how the run's folder was split says nothing of another.
 */
function optionsLike({ dataset, datasetOptions }: Recipe, name: string): Recipe["datasetOptions"] {
  if (name === dataset) {
    const { testShare: _, ...rest } = datasetOptions;
    return name === "image-folder" ? rest : datasetOptions;
  }
  if (name !== "image-folder") return {};
  const [height, width, channels] = datasetFacts(dataset, datasetOptions).shape;
  return height === width && (channels === 1 || channels === 3) ? { size: height, channels } : {};
}
