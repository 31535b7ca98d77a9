/** The data sets by name. */
import { UsageError } from "../errors.js";
import { nearest } from "../nearest.js";
import { cifar10, cifar100 } from "./cifar.js";
import type { Dataset, DatasetFacts, LoadOptions, Whereabouts } from "./dataset.js";
import { FASHION_MNIST, findFashionMnist, loadFashionMnist } from "./fashion-mnist.js";
import { findImageFolder, imageFolderFacts, loadImageFolder } from "./image-folder/image-folder.js";
import { findMnist, loadMnist, MNIST } from "./mnist.js";
import { loadSynthetic, syntheticFacts } from "./synthetic.js";

interface Entry {
  facts(options: LoadOptions["options"]): DatasetFacts;
  find(options: Pick<LoadOptions, "dataDir" | "cacheDir">): Whereabouts;
  load(options: LoadOptions): Promise<Dataset>;
}

const DATASETS: Readonly<Record<string, Entry>> = {
  "fashion-mnist": {
    facts: (options) => withoutOptions(FASHION_MNIST, options),
    find: findFashionMnist,
    load: loadFashionMnist,
  },
  mnist: { facts: (options) => withoutOptions(MNIST, options), find: findMnist, load: loadMnist },
  cifar10: { ...cifar10, facts: (options) => withoutOptions(cifar10.facts, options) },
  cifar100: { ...cifar100, facts: (options) => withoutOptions(cifar100.facts, options) },
  "image-folder": { facts: imageFolderFacts, find: findImageFolder, load: loadImageFolder },
  synthetic: {
    facts: syntheticFacts,
    find: () => ({ where: "made as it is read", ready: true }),
    load: async ({ options }) => loadSynthetic(options),
  },
};

export function datasetNames(): string[] {
  return Object.keys(DATASETS);
}

/** What is known of a data set without reading it; UsageError for a name or an option that does not exist. */
export function datasetFacts(name: string, options: LoadOptions["options"] = {}): DatasetFacts {
  return entry(name).facts(options);
}

/** Where loading would find it now, without reading or downloading anything. */
export function findDataset(name: string, options: Pick<LoadOptions, "dataDir" | "cacheDir">): Whereabouts {
  return entry(name).find(options);
}

/** Reads the whole data set; UsageError for what is missing, unreadable, truncated or not of the right kind. */
export async function loadDataset(name: string, options: LoadOptions): Promise<Dataset> {
  const { facts, load } = entry(name);
  facts(options.options); // refuses options that are not possible
  return load(options);
}

function entry(name: string): Entry {
  if (Object.hasOwn(DATASETS, name)) return DATASETS[name]!;
  throw new UsageError(
    "unknown-dataset",
    `unknown dataset "${name}"${nearest(name, datasetNames())}. Run 'cnn-dist datasets' for the list.`,
  );
}

function withoutOptions(facts: DatasetFacts, options: LoadOptions["options"]): DatasetFacts {
  const [option] = Object.keys(options);
  if (option === undefined) return facts;
  throw new UsageError("dataset-option", `dataset ${facts.name} has no option "${option}"; it takes none.`);
}
