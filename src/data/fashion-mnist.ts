/** Fashion-MNIST (Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747; MIT licence, Zalando SE). */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { clauseOf, UsageError } from "../errors.js";
import type { Dataset, DatasetFacts, LoadOptions, Whereabouts } from "./dataset.js";
import { downloadIdx, givenIdxPlace, type IdxPlace, loadIdx, missingIdx } from "./idx-dataset.js";

export const FASHION_MNIST = {
  name: "fashion-mnist",
  shape: [28, 28, 1],
  classes: 10,
  train: 60_000,
  test: 10_000,
  license: "MIT (Zalando SE)",
  about: "grey images of clothes, ten classes",
} as const satisfies DatasetFacts;

const CLASS_NAMES = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(",");

/** The places that may hold the four files, in the order in which they are tried; tests give their own. */
export interface FashionMnistPlaces {
  /** Where Debian's package dataset-fashion-mnist puts them. */
  debian: string;
  /** The authors' server. */
  address: string;
  /** Of the four files, unpacked (mirrors pack them differently): training images and labels, test images and labels. */
  sha256: readonly [string, string, string, string];
  /** Of the same four. */
  sizeBytes: readonly [number, number, number, number];
  /** Carried by the repository and the package. */
  subset: string;
}

export const PLACES: FashionMnistPlaces = {
  debian: "/usr/share/datasets/fashion-mnist",
  address: "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
  sha256: [
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
  ],
  sizeBytes: [47_040_016, 60_008, 7_840_016, 10_008],
  subset: fileURLToPath(new URL("../../../data/fashion-mnist-subset", import.meta.url)),
};

/** `sha256` of the data set that the carried subset makes: a run that began on it goes on with it. */
export const SUBSET_SHA256 = "27777a3f25317e7afd7c1a3d735a2afcbd2bd5150b81497d1ac19734c5a7529a";

const TITLE = "Fashion-MNIST";

/**
 * From --data-dir alone if it is given; else from the first of: Debian's folder, the cache, a download into the cache, the
 * carried subset (with a warning). UsageError for files that are missing, unreadable or damaged.
 */
export async function loadFashionMnist(options: LoadOptions, places: FashionMnistPlaces = PLACES): Promise<Dataset> {
  return loadIdx(FASHION_MNIST, CLASS_NAMES, await findPlace(options, places));
}

function cacheOf(options: Pick<LoadOptions, "cacheDir">): string {
  return join(options.cacheDir, "datasets", FASHION_MNIST.name);
}

async function findPlace(options: LoadOptions, places: FashionMnistPlaces): Promise<IdxPlace> {
  if (options.dataDir !== undefined) return givenIdxPlace(TITLE, options.dataDir);
  const subset = { dir: places.subset, source: "the subset that comes with cnn-dist" };
  if (options.sha256 === SUBSET_SHA256) {
    return { ...subset, warning: "this run uses the carried subset of 8,000 training and 2,000 test images" };
  }
  const cache = cacheOf(options);
  for (const dir of [places.debian, cache]) if (missingIdx(dir).length === 0) return { dir, source: dir };
  try {
    await downloadIdx(cache, { title: TITLE, unpacked: true, ...places }, options);
    return { dir: cache, source: `${cache} (downloaded from ${places.address})` };
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const remedy = "give --data-dir, or install Debian's package dataset-fashion-mnist";
    if (options.sha256 !== undefined) {
      throw new UsageError(
        "data-missing",
        `Fashion-MNIST is not on this machine and could not be downloaded (${clauseOf(error)}), and this run needs all of it: ${remedy}.`,
        { cause: error },
      );
    }
    return {
      ...subset,
      warning: `Fashion-MNIST could not be downloaded (${clauseOf(error)}): training on the carried subset of 8,000 training and 2,000 test images. For all 70,000, ${remedy}.`,
    };
  }
}

/** Where loading would find it now; looks at file names only. */
export function findFashionMnist(
  options: Pick<LoadOptions, "dataDir" | "cacheDir">,
  places: FashionMnistPlaces = PLACES,
): Whereabouts {
  if (options.dataDir !== undefined) return { where: givenIdxPlace(TITLE, options.dataDir).source, ready: true };
  for (const dir of [places.debian, cacheOf(options)])
    if (missingIdx(dir).length === 0) return { where: dir, ready: true };
  return { where: `downloaded at first use from ${places.address}; without network, the carried subset`, ready: false };
}
