/** Fashion-MNIST (Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747; MIT licence, Zalando SE). */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CnnDistError, messageOf, UsageError } from "../errors.js";
import { download } from "../fetch/download.js";
import { withLock } from "../fetch/lock.js";
import type { Dataset, DatasetFacts, LoadOptions, Whereabouts } from "./dataset.js";
import { parseIdx } from "./idx.js";
import { memorySplit, type RawSplit, sha256OfSplits } from "./memory.js";

export const FASHION_MNIST: DatasetFacts = {
  name: "fashion-mnist",
  shape: [28, 28, 1],
  classes: 10,
  train: 60_000,
  test: 10_000,
  license: "MIT (Zalando SE)",
  about: "grey images of clothes, ten classes",
};

const CLASS_NAMES = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot".split(",");

/** The places that may hold the four files, in the order in which they are tried; tests give their own. */
export interface FashionMnistPlaces {
  /** Where Debian's package dataset-fashion-mnist puts them. */
  debian: string;
  /** The authors' server. */
  address: string;
  /** Of the four files, unpacked (mirrors pack them differently): training images and labels, test images and labels. */
  sha256: readonly [string, string, string, string];
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
  subset: fileURLToPath(new URL("../../../data/fashion-mnist-subset", import.meta.url)),
};

/** Training images and labels, test images and labels; with or without the `.gz`. */
const FILES = [
  "train-images-idx3-ubyte",
  "train-labels-idx1-ubyte",
  "t10k-images-idx3-ubyte",
  "t10k-labels-idx1-ubyte",
] as const;

/** `sha256` of the data set that the carried subset makes: a run that began on it goes on with it. */
export const SUBSET_SHA256 = "27777a3f25317e7afd7c1a3d735a2afcbd2bd5150b81497d1ac19734c5a7529a";

interface Place {
  dir: string;
  source: string;
  warning?: string;
}

/**
 * From --data-dir alone if it is given; else from the first of: Debian's folder, the cache, a download into the cache, the
 * carried subset (with a warning). UsageError for files that are missing, unreadable or damaged.
 */
export async function loadFashionMnist(options: LoadOptions, places: FashionMnistPlaces = PLACES): Promise<Dataset> {
  const place = await findPlace(options, places);
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all([
    read(place.dir, FILES[0], 3),
    read(place.dir, FILES[1], 1),
    read(place.dir, FILES[2], 3),
    read(place.dir, FILES[3], 1),
  ]);
  const raw: RawSplit[] = [
    { name: trainImages.path, pixels: trainImages.data, labels: trainLabels.data },
    { name: testImages.path, pixels: testImages.data, labels: testLabels.data },
  ];
  for (const { path, dims } of [trainImages, testImages]) {
    const [, height, width] = dims;
    if (height !== 28 || width !== 28)
      throw new UsageError(
        "data-damaged",
        `${path}: expected images of 28x28, received ${height}x${width}. Is it another data set's file?`,
      );
  }
  const [train, test] = raw.map((split) => memorySplit(split, FASHION_MNIST.shape, FASHION_MNIST.classes));
  const { name, shape, classes } = FASHION_MNIST;
  return {
    name,
    shape,
    classes,
    classNames: CLASS_NAMES,
    train: train!,
    test: test!,
    sha256: sha256OfSplits(shape, raw),
    source: place.source,
    ...(place.warning === undefined ? {} : { warning: place.warning }),
  };
}

async function read(dir: string, file: string, rank: number) {
  const path = pathOf(dir, file);
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new UsageError(
      "data-unreadable",
      `${path} cannot be read: ${messageOf(error)}. Check the file and its permissions.`,
      { cause: error },
    );
  });
  return { path, ...(await parseIdx(path, bytes, rank)) };
}

function pathOf(dir: string, file: string): string {
  const packed = join(dir, `${file}.gz`);
  return existsSync(packed) ? packed : join(dir, file);
}

function missing(dir: string): string[] {
  return FILES.filter((file) => !existsSync(pathOf(dir, file)));
}

function cacheOf(options: Pick<LoadOptions, "cacheDir">): string {
  return join(options.cacheDir, "datasets", FASHION_MNIST.name);
}

async function findPlace(options: LoadOptions, places: FashionMnistPlaces): Promise<Place> {
  if (options.dataDir !== undefined) return givenPlace(options.dataDir);
  const subset = { dir: places.subset, source: "the subset that comes with cnn-dist" };
  if (options.sha256 === SUBSET_SHA256) {
    return { ...subset, warning: "this run uses the carried subset of 8,000 training and 2,000 test images" };
  }
  const cache = cacheOf(options);
  for (const dir of [places.debian, cache]) if (missing(dir).length === 0) return { dir, source: dir };
  try {
    await downloadAll(cache, options, places);
    return { dir: cache, source: `${cache} (downloaded from ${places.address})` };
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const remedy = "give --data-dir, or install Debian's package dataset-fashion-mnist";
    if (options.sha256 !== undefined) {
      throw new CnnDistError(
        "data-missing",
        `Fashion-MNIST is not on this machine and could not be downloaded (${messageOf(error)}), and this run needs all of it: ${remedy}.`,
        { cause: error },
      );
    }
    return {
      ...subset,
      warning: `Fashion-MNIST could not be downloaded (${messageOf(error)}): training on the carried subset of 8,000 training and 2,000 test images. For all 70,000, ${remedy}.`,
    };
  }
}

function givenPlace(dir: string): Place {
  const absent = missing(dir);
  if (absent.length === 0) return { dir, source: dir };
  const why = existsSync(dir) ? `it lacks ${absent.map((file) => `${file}.gz`).join(", ")}` : "it does not exist";
  throw new UsageError(
    "data-dir",
    `--data-dir ${dir} cannot be read as Fashion-MNIST: ${why}. Give the folder that holds the four files, or leave --data-dir out.`,
  );
}

async function downloadAll(dir: string, options: LoadOptions, places: FashionMnistPlaces): Promise<void> {
  const report = (what: string, received: number, total: number | null) =>
    options.onProgress?.({ what: `Fashion-MNIST: ${what}`, received, total });
  const fetchMissing = async (signal: AbortSignal) => {
    for (const [index, file] of FILES.entries()) {
      const to = join(dir, file);
      if (existsSync(to)) continue; // another process was quicker, or an earlier one was stopped in between
      await download({
        url: new URL(`${file}.gz`, places.address).href,
        to,
        sha256: places.sha256[index]!,
        gunzip: true,
        signal,
        onProgress: ({ received, total }) => report(file, received, total),
      });
    }
  };
  await withLock(dir, fetchMissing, {
    onWait: () => report("another process is downloading it", 0, null),
    ...(options.signal ? { signal: options.signal } : {}),
  });
}

/** Where loading would find it now; looks at file names only. */
export function findFashionMnist(
  options: Pick<LoadOptions, "dataDir" | "cacheDir">,
  places: FashionMnistPlaces = PLACES,
): Whereabouts {
  if (options.dataDir !== undefined) return { where: givenPlace(options.dataDir).source, ready: true };
  for (const dir of [places.debian, cacheOf(options)])
    if (missing(dir).length === 0) return { where: dir, ready: true };
  return { where: `downloaded at first use from ${places.address}; without network, the carried subset`, ready: false };
}
