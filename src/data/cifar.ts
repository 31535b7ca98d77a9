/**
 * CIFAR-10 and CIFAR-100 (Krizhevsky 2009, "Learning multiple layers of features from tiny images"), binary version: a
 * record is its label bytes and 3,072 pixels, channel by channel. Of the archives their authors publish MD5 sums, no others.
 */
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { clauseOf, messageOf, UsageError } from "../errors.js";
import { download } from "../fetch/download.js";
import { withLock } from "../fetch/lock.js";
import { unpackTarGz } from "../fetch/tar.js";
import type { Dataset, DatasetFacts, LoadOptions, Whereabouts } from "./dataset.js";
import { notAFolder } from "./folder.js";
import { memorySplit, type RawSplit, sha256OfSplits } from "./memory.js";

const SIDE = 32;
const PLANE = SIDE * SIDE;
/** What an archive holds beside the images: names, a page of text, headers. */
const OTHER_BYTES = 2 ** 20;

export interface CifarKind {
  facts: DatasetFacts & { readonly classes: number; readonly train: number; readonly test: number };
  /** Folder that the published archive unpacks to. */
  folder: string;
  archive: string;
  /** Of the archive, as its sum. */
  archiveBytes: number;
  md5: string;
  train: readonly string[];
  test: readonly string[];
  /** File with one class name a line. */
  names: string;
  /** Bytes before the pixels; the last of them is the class. */
  labelBytes: number;
}

const shared = {
  shape: [SIDE, SIDE, 3],
  train: 50_000,
  test: 10_000,
  license: "none stated (Krizhevsky 2009)",
} as const;

export const CIFAR10: CifarKind = {
  facts: { ...shared, name: "cifar10", classes: 10, about: "colour photographs of animals and vehicles, ten classes" },
  folder: "cifar-10-batches-bin",
  archive: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  archiveBytes: 170_052_171,
  md5: "c32a1d4ab5d03f1284b67883e8d87530",
  train: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`),
  test: ["test_batch.bin"],
  names: "batches.meta.txt",
  labelBytes: 1,
};
export const CIFAR100: CifarKind = {
  facts: { ...shared, name: "cifar100", classes: 100, about: "colour photographs of things, a hundred classes" },
  folder: "cifar-100-binary",
  archive: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
  archiveBytes: 168_513_733,
  md5: "03b5dce01913d631647c71ecec9e9cb8",
  train: ["train.bin"],
  test: ["test.bin"],
  names: "fine_label_names.txt",
  labelBytes: 2,
};

type Places = Pick<LoadOptions, "dataDir" | "cacheDir">;

/** The data set of one kind; tests give smaller ones, and servers of their own. */
export function cifar(kind: CifarKind) {
  return {
    facts: kind.facts,
    find: (options: Places): Whereabouts => {
      const dir = findFolder(kind, options);
      return dir
        ? { where: dir, ready: true }
        : { where: `downloaded at first use from ${kind.archive}`, ready: false };
    },
    load: (options: LoadOptions): Promise<Dataset> => load(kind, options),
  };
}
export const cifar10 = cifar(CIFAR10);
export const cifar100 = cifar(CIFAR100);

/** --data-dir or the cache; in each, the folder itself or the one that the archive unpacks to. */
function findFolder(kind: CifarKind, { dataDir, cacheDir }: Places): string | undefined {
  const root = dataDir ?? join(cacheDir, "datasets", kind.facts.name);
  return [root, join(root, kind.folder)].find((dir) =>
    [...kind.train, ...kind.test].every((file) => existsSync(join(dir, file))),
  );
}

async function load(kind: CifarKind, options: LoadOptions): Promise<Dataset> {
  const { name, shape, classes } = kind.facts;
  const dir = findFolder(kind, options) ?? (await fetchFolder(kind, options));
  const raw = [
    await readSplit(kind, dir, kind.train, kind.facts.train),
    await readSplit(kind, dir, kind.test, kind.facts.test),
  ];
  const [train, test] = raw.map((split) => memorySplit(split, shape, classes));
  return {
    name,
    shape,
    classes,
    classNames: await readNames(join(dir, kind.names), classes),
    train: train!,
    test: test!,
    sha256: sha256OfSplits(shape, raw),
    source: dir,
  };
}

/** Into the cache: the archive, then the files that are needed of it, then without the archive. */
async function fetchFolder(kind: CifarKind, options: LoadOptions): Promise<string> {
  const { name } = kind.facts;
  const wanted = [...kind.train, ...kind.test, kind.names];
  if (options.dataDir !== undefined)
    throw new UsageError(
      "data-missing",
      `${name} is not in ${options.dataDir}: ${notAFolder(options.dataDir) ?? `expected ${[...kind.train, ...kind.test].join(", ")}`}. Unpack ${kind.archive} and give its folder as --data-dir, or leave --data-dir out to have it downloaded.`,
    );
  const dir = join(options.cacheDir, "datasets", name);
  const archive = join(dir, basename(kind.archive));
  const report = (what: string, received: number, total: number | null) =>
    options.onProgress?.({ what: `${name}: ${what}`, received, total });
  const fetchMissing = async (signal: AbortSignal) => {
    if (findFolder(kind, options)) return; // another process was quicker
    if (!existsSync(archive))
      await download({
        url: kind.archive,
        to: archive,
        checksum: { md5: kind.md5 },
        sizeBytes: kind.archiveBytes,
        signal,
        onProgress: ({ received, total }) => report(basename(archive), received, total),
      });
    report("unpacking", 0, null);
    const maxBytes = (kind.facts.train + kind.facts.test) * recordBytesOf(kind) + OTHER_BYTES;
    const target = (file: string) => (wanted.includes(basename(file)) ? join(dir, kind.folder, basename(file)) : null);
    try {
      await unpackTarGz(archive, { target, maxBytes });
    } finally {
      await rm(archive, { force: true }); // one that does not unpack would not do so the next time either
    }
  };
  try {
    await withLock(dir, fetchMissing, {
      onWait: () => report("another process is downloading it", 0, null),
      ...(options.signal ? { signal: options.signal } : {}),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new UsageError(
      "data-missing",
      `${name} is not on this machine and could not be downloaded: ${clauseOf(error)}. Unpack ${kind.archive} and give its folder as --data-dir.`,
      { cause: error },
    );
  }
  const found = findFolder(kind, options);
  if (found !== undefined) return found;
  throw new UsageError(
    "data-missing",
    `${kind.archive} was unpacked into ${dir}, but does not hold ${[...kind.train, ...kind.test].join(", ")}. Unpack it by hand and give its folder as --data-dir.`,
  );
}

function recordBytesOf({ labelBytes }: CifarKind): number {
  return labelBytes + 3 * PLANE;
}

/** `images`: in all files together, the same number in each. */
async function readSplit(kind: CifarKind, dir: string, files: readonly string[], images: number): Promise<RawSplit> {
  const recordBytes = recordBytesOf(kind);
  const parts: Uint8Array[] = [];
  for (const file of files) {
    const path = join(dir, file);
    const bytes = await readFile(path).catch((error: unknown) => {
      throw new UsageError("data-unreadable", `${path} cannot be read: ${messageOf(error)}. Check its permissions.`, {
        cause: error,
      });
    });
    const expected = (images / files.length) * recordBytes;
    if (bytes.byteLength !== expected)
      throw new UsageError(
        "data-damaged",
        `${path} is truncated or damaged: expected ${expected} bytes (${images / files.length} records of ${recordBytes}), received ${bytes.byteLength}. Delete it, and unpack or download it again.`,
      );
    parts.push(bytes);
  }
  const pixels = new Uint8Array(images * 3 * PLANE);
  const labels = new Uint8Array(images);
  let image = 0;
  for (const part of parts) {
    for (let record = 0; record < part.byteLength; record += recordBytes, image++) {
      const first = record + kind.labelBytes;
      labels[image] = part[first - 1]!;
      interleave(part, first, pixels, image * 3 * PLANE);
    }
  }
  return { name: files.length === 1 ? join(dir, files[0]!) : dir, pixels, labels };
}

/** Three planes into pixels of three channels. */
function interleave(from: Uint8Array, first: number, to: Uint8Array, start: number): void {
  for (let pixel = 0, at = start; pixel < PLANE; pixel++) {
    to[at++] = from[first + pixel]!;
    to[at++] = from[first + PLANE + pixel]!;
    to[at++] = from[first + 2 * PLANE + pixel]!;
  }
}

/** The names only serve people, so a missing or odd file is no error. */
async function readNames(path: string, classes: number): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  const names = text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  return names.length === classes ? names : Array.from({ length: classes }, (_, index) => `class ${index}`);
}
