/** Fashion-MNIST (Xiao, Rasul & Vollgraf 2017, arXiv:1708.07747; MIT licence, Zalando SE). */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CnnDistError, messageOf, UsageError } from "../errors.js";
import { download } from "../fetch/download.js";
import type { Dataset, DatasetFacts, LoadOptions, Split } from "./dataset.js";
import { parseIdx } from "./idx.js";

const ADDRESS = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/";
const DEBIAN = "/usr/share/datasets/fashion-mnist";
const SUBSET = fileURLToPath(new URL("../../../data/fashion-mnist-subset", import.meta.url));
const FILES = {
  trainImages: "train-images-idx3-ubyte.gz",
  trainLabels: "train-labels-idx1-ubyte.gz",
  testImages: "t10k-images-idx3-ubyte.gz",
  testLabels: "t10k-labels-idx1-ubyte.gz",
} as const;
/** Of the unpacked files: mirrors pack them differently. */
const SHA256: Readonly<Record<string, string>> = {
  "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
  "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
  "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
  "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
};
const CLASS_NAMES = [
  "T-shirt/top",
  "Trouser",
  "Pullover",
  "Dress",
  "Coat",
  "Sandal",
  "Shirt",
  "Sneaker",
  "Bag",
  "Ankle boot",
];

export const FASHION_MNIST: DatasetFacts = {
  name: "fashion-mnist",
  shape: [28, 28, 1],
  classes: 10,
  train: 60_000,
  test: 10_000,
  license: "MIT",
  about: "grey images of clothes, ten classes",
};

interface Place {
  dir: string;
  source: string;
  warning?: string;
}

export async function loadFashionMnist(options: LoadOptions): Promise<Dataset> {
  const place = await findPlace(options);
  const read = async (file: string, rank: number) => {
    const path = join(place.dir, file);
    const plain = path.replace(/\.gz$/, "");
    const found = existsSync(path) ? path : plain;
    try {
      return parseIdx(found, await readFile(found), rank);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      throw new UsageError(
        "data-unreadable",
        `${found} cannot be read: ${messageOf(error)}. Check --data-dir and its permissions.`,
        { cause: error },
      );
    }
  };
  const [trainImages, trainLabels, testImages, testLabels] = await Promise.all([
    read(FILES.trainImages, 3),
    read(FILES.trainLabels, 1),
    read(FILES.testImages, 3),
    read(FILES.testLabels, 1),
  ]);
  const train = splitOf(join(place.dir, FILES.trainImages), trainImages, trainLabels);
  const test = splitOf(join(place.dir, FILES.testImages), testImages, testLabels);
  const hash = createHash("sha256").update("28x28x1");
  for (const { data } of [trainImages, trainLabels, testImages, testLabels]) hash.update(data);
  return {
    ...FASHION_MNIST,
    classNames: CLASS_NAMES,
    train,
    test,
    sha256: hash.digest("hex"),
    source: place.source,
    ...(place.warning === undefined ? {} : { warning: place.warning }),
  };
}

function splitOf(
  name: string,
  images: { dims: readonly number[]; data: Uint8Array },
  labels: { dims: readonly number[]; data: Uint8Array },
): Split {
  const [count = 0, height, width] = images.dims;
  if (height !== 28 || width !== 28)
    throw new UsageError("data-damaged", `${name}: expected images of 28x28, received ${height}x${width}`);
  if (labels.dims[0] !== count)
    throw new UsageError(
      "data-damaged",
      `${name}: ${count} images and ${labels.dims[0]} labels; the two files do not belong together`,
    );
  const wrong = labels.data.findIndex((label) => label > 9);
  if (wrong >= 0)
    throw new UsageError("data-damaged", `${name}: label ${wrong} is ${labels.data[wrong]}, expected 0 to 9`);
  const bytes = 28 * 28;
  return {
    count,
    labels: Int32Array.from(labels.data),
    copyImages(indices, pixels) {
      for (let at = 0; at < indices.length; at++) {
        const first = indices[at]! * bytes;
        pixels.set(images.data.subarray(first, first + bytes), at * bytes);
      }
    },
  };
}

function missing(dir: string): string[] {
  return Object.values(FILES).filter(
    (file) => !existsSync(join(dir, file)) && !existsSync(join(dir, file.replace(/\.gz$/, ""))),
  );
}

async function findPlace(options: LoadOptions): Promise<Place> {
  if (options.dataDir !== undefined) {
    const absent = missing(options.dataDir);
    if (absent.length > 0) {
      throw new UsageError(
        "data-dir",
        `--data-dir ${options.dataDir} cannot be read as Fashion-MNIST: it lacks ${absent.join(", ")}. Give the folder that holds the four files, or leave --data-dir out.`,
      );
    }
    return { dir: options.dataDir, source: options.dataDir };
  }
  if (missing(DEBIAN).length === 0) return { dir: DEBIAN, source: DEBIAN };
  const cached = join(options.cacheDir, "datasets", "fashion-mnist");
  if (missing(cached).length === 0) return { dir: cached, source: cached };
  try {
    await downloadAll(cached, options);
    return { dir: cached, source: `${cached} (downloaded from ${ADDRESS})` };
  } catch (error) {
    if (options.signal?.aborted || (error instanceof CnnDistError && error.code === "checksum")) throw error;
    return {
      dir: SUBSET,
      source: "the subset that comes with cnn-dist",
      warning: `Fashion-MNIST could not be downloaded (${messageOf(error)}); training on the carried subset of 8,000 training and 2,000 test images. For all 70,000: give --data-dir, or install Debian's dataset-fashion-mnist.`,
    };
  }
}

async function downloadAll(dir: string, options: LoadOptions): Promise<void> {
  await mkdir(dir, { recursive: true });
  for (const file of Object.values(FILES)) {
    await download({
      url: new URL(file, ADDRESS).href,
      to: join(dir, file.replace(/\.gz$/, "")),
      sha256: SHA256[file]!,
      gunzip: true,
      ...(options.signal ? { signal: options.signal } : {}),
      onProgress: ({ received, total }) => options.onProgress?.({ what: `fashion-mnist ${file}`, received, total }),
    });
  }
}
