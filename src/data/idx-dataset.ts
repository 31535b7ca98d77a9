/** Data sets of MNIST's form: four IDX files, training images and labels, test images and labels. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, UsageError } from "../errors.js";
import { download } from "../fetch/download.js";
import { withLock } from "../fetch/lock.js";
import type { Dataset, DatasetFacts, LoadOptions } from "./dataset.js";
import { notAFolder } from "./folder.js";
import { parseIdx } from "./idx.js";
import { memorySplit, type RawSplit, sha256OfSplits } from "./memory.js";

/** With or without the `.gz`. */
const FILES = [
  "train-images-idx3-ubyte",
  "train-labels-idx1-ubyte",
  "t10k-images-idx3-ubyte",
  "t10k-labels-idx1-ubyte",
] as const;

/** Where a data set's files lie. */
export interface IdxPlace {
  dir: string;
  source: string;
  warning?: string;
}

/** UsageError for files that are unreadable, damaged, or another data set's. */
export async function loadIdx(
  facts: DatasetFacts & { readonly classes: number },
  classNames: readonly string[],
  place: IdxPlace,
): Promise<Dataset> {
  const { name, shape, classes } = facts;
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
    if (height !== shape[0] || width !== shape[1])
      throw new UsageError(
        "data-damaged",
        `${path}: expected images of ${shape[0]}x${shape[1]}, received ${height}x${width}. Is it another data set's file?`,
      );
  }
  const [train, test] = raw.map((split) => memorySplit(split, shape, classes));
  return {
    name,
    shape,
    classes,
    classNames,
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

/** Of the four files, those that are not in a folder, packed or not. */
export function missingIdx(dir: string): string[] {
  return FILES.filter((file) => !existsSync(pathOf(dir, file)));
}

/** The folder of --data-dir; UsageError `data-dir` if it lacks a file. */
export function givenIdxPlace(title: string, dir: string): IdxPlace {
  const absent = missingIdx(dir);
  if (absent.length === 0) return { dir, source: dir };
  const why = notAFolder(dir) ?? `it lacks ${absent.map((file) => `${file}.gz`).join(", ")}`;
  throw new UsageError(
    "data-dir",
    `--data-dir ${dir} cannot be read as ${title}: ${why}. Give the folder that holds the four files, or leave --data-dir out.`,
  );
}

export interface IdxServer {
  title: string;
  /** Folder of the four files, gzipped. */
  address: string;
  /** Of the four files, in order: as they are sent, or unpacked (mirrors pack them differently). */
  sha256: readonly [string, string, string, string];
  /** Of the same four. */
  sizeBytes: readonly [number, number, number, number];
  unpacked: boolean;
}

/** Downloads what is missing in `dir`; one process does it, others wait. */
export async function downloadIdx(
  dir: string,
  { title, address, sha256, sizeBytes, unpacked }: IdxServer,
  options: Pick<LoadOptions, "signal" | "onProgress">,
): Promise<void> {
  const report = (what: string, received: number, total: number | null) =>
    options.onProgress?.({ what: `${title}: ${what}`, received, total });
  const fetchMissing = async (signal: AbortSignal) => {
    for (const [index, file] of FILES.entries()) {
      const to = join(dir, unpacked ? file : `${file}.gz`);
      if (existsSync(to)) continue; // another process was quicker, or an earlier one was stopped in between
      await download({
        url: new URL(`${file}.gz`, address).href,
        to,
        checksum: { sha256: sha256[index]! },
        sizeBytes: sizeBytes[index]!,
        gunzip: unpacked,
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
