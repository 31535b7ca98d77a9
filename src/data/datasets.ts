/** The data sets by name. */
import { UsageError } from "../errors.js";
import { nearest } from "../nearest.js";
import type { Dataset, DatasetFacts, LoadOptions } from "./dataset.js";
import { FASHION_MNIST, loadFashionMnist } from "./fashion-mnist.js";
import { loadSynthetic, syntheticFacts } from "./synthetic.js";

interface Entry {
  facts(options: LoadOptions["options"]): DatasetFacts;
  load(options: LoadOptions): Promise<Dataset>;
}

const DATASETS: Readonly<Record<string, Entry>> = {
  "fashion-mnist": { facts: () => FASHION_MNIST, load: loadFashionMnist },
  synthetic: { facts: syntheticFacts, load: async ({ options }) => loadSynthetic(options) },
};

export function datasetNames(): string[] {
  return Object.keys(DATASETS);
}

function entry(name: string): Entry {
  const found = DATASETS[name];
  if (found) return found;
  throw new UsageError(
    "unknown-dataset",
    `unknown dataset "${name}"${nearest(name, datasetNames())}. Run 'cnn-dist datasets' for the list.`,
  );
}

/** What is known of a data set without reading it. */
export function datasetFacts(name: string, options: LoadOptions["options"] = {}): DatasetFacts {
  return entry(name).facts(options);
}

/** Reads the whole data set; UsageError for what is missing, unreadable, truncated or not of the right kind. */
export async function loadDataset(name: string, options: LoadOptions): Promise<Dataset> {
  return entry(name).load(options);
}
