/** MNIST (LeCun, Bottou, Bengio & Haffner 1998, section III.A). */
import { join } from "node:path";
import { clauseOf, UsageError } from "../errors.js";
import type { Dataset, DatasetFacts, LoadOptions, Whereabouts } from "./dataset.js";
import { downloadIdx, givenIdxPlace, type IdxServer, loadIdx, missingIdx } from "./idx-dataset.js";

export const MNIST = {
  name: "mnist",
  shape: [28, 28, 1],
  classes: 10,
  train: 60_000,
  test: 10_000,
  license: "none stated (LeCun, Cortes & Burges)",
  about: "handwritten digits, ten classes",
} as const satisfies DatasetFacts;

const CLASS_NAMES = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
const TITLE = "MNIST";

/** The authors' own server no longer gives the files out; this mirror is PyTorch's. */
export const MNIST_SERVER: IdxServer = {
  title: TITLE,
  address: "https://ossci-datasets.s3.amazonaws.com/mnist/",
  sha256: [
    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
  ],
  sizeBytes: [9_912_422, 28_881, 1_648_877, 4_542],
  unpacked: false,
};

function cacheOf({ cacheDir }: Pick<LoadOptions, "cacheDir">): string {
  return join(cacheDir, "datasets", MNIST.name);
}

/** From --data-dir, else the cache, else a download into it; UsageError for what is missing, unreadable or damaged. */
export async function loadMnist(options: LoadOptions, server: IdxServer = MNIST_SERVER): Promise<Dataset> {
  if (options.dataDir !== undefined) return loadIdx(MNIST, CLASS_NAMES, givenIdxPlace(TITLE, options.dataDir));
  const dir = cacheOf(options);
  if (missingIdx(dir).length > 0) {
    try {
      await downloadIdx(dir, server, options);
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new UsageError(
        "data-missing",
        `MNIST is not on this machine and could not be downloaded: ${clauseOf(error)}. Give the folder of its four files by --data-dir.`,
        { cause: error },
      );
    }
  }
  return loadIdx(MNIST, CLASS_NAMES, { dir, source: dir });
}

/** Where loading would find it now; looks at file names only. */
export function findMnist(options: Pick<LoadOptions, "dataDir" | "cacheDir">): Whereabouts {
  if (options.dataDir !== undefined) return { where: givenIdxPlace(TITLE, options.dataDir).source, ready: true };
  const dir = cacheOf(options);
  if (missingIdx(dir).length === 0) return { where: dir, ready: true };
  return { where: `downloaded at first use from ${MNIST_SERVER.address}`, ready: false };
}
