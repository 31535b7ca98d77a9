/**
 * CIFAR-10 and CIFAR-100 (Krizhevsky 2009, "Learning multiple layers of features from tiny images"), binary version: a
 * record is its label bytes and 3,072 pixels, channel by channel. They are read from where they were unpacked; they are
 * not downloaded, since their authors publish no SHA-256.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, UsageError } from "../errors.js";
import type { Dataset, DatasetFacts, LoadOptions, Whereabouts } from "./dataset.js";
import { memorySplit, type RawSplit, sha256OfSplits } from "./memory.js";

const SIDE = 32;
const PLANE = SIDE * SIDE;

interface Kind {
  facts: DatasetFacts;
  /** Folder that the published archive unpacks to. */
  folder: string;
  archive: string;
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

const CIFAR10: Kind = {
  facts: { ...shared, name: "cifar10", classes: 10, about: "colour photographs of animals and vehicles, ten classes" },
  folder: "cifar-10-batches-bin",
  archive: "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
  train: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}.bin`),
  test: ["test_batch.bin"],
  names: "batches.meta.txt",
  labelBytes: 1,
};
const CIFAR100: Kind = {
  facts: { ...shared, name: "cifar100", classes: 100, about: "colour photographs of things, a hundred classes" },
  folder: "cifar-100-binary",
  archive: "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
  train: ["train.bin"],
  test: ["test.bin"],
  names: "fine_label_names.txt",
  labelBytes: 2,
};

type Places = Pick<LoadOptions, "dataDir" | "cacheDir">;

function cifar(kind: Kind) {
  return {
    facts: kind.facts,
    find: (options: Places): Whereabouts => {
      const dir = findFolder(kind, options);
      return dir
        ? { where: dir, ready: true }
        : { where: `not here: unpack ${kind.archive} and give --data-dir`, ready: false };
    },
    load: (options: LoadOptions): Promise<Dataset> => load(kind, options),
  };
}
export const cifar10 = cifar(CIFAR10);
export const cifar100 = cifar(CIFAR100);

/** --data-dir or the cache; in each, the folder itself or the one that the archive unpacks to. */
function findFolder(kind: Kind, { dataDir, cacheDir }: Places): string | undefined {
  const root = dataDir ?? join(cacheDir, "datasets", kind.facts.name);
  return [root, join(root, kind.folder)].find((dir) =>
    [...kind.train, ...kind.test].every((file) => existsSync(join(dir, file))),
  );
}

async function load(kind: Kind, options: LoadOptions): Promise<Dataset> {
  const { name, shape, classes } = kind.facts;
  const dir = findFolder(kind, options);
  if (dir === undefined) {
    const looked = options.dataDir ?? join(options.cacheDir, "datasets", name);
    throw new UsageError(
      "data-missing",
      `${name} is not in ${looked}: expected ${[...kind.train, ...kind.test].join(", ")}. Unpack ${kind.archive} and give its folder as --data-dir.`,
    );
  }
  const raw = [await readSplit(kind, dir, kind.train), await readSplit(kind, dir, kind.test)];
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

async function readSplit(kind: Kind, dir: string, files: readonly string[]): Promise<RawSplit> {
  const recordBytes = kind.labelBytes + 3 * PLANE;
  const parts: Uint8Array[] = [];
  for (const file of files) {
    const path = join(dir, file);
    const bytes = await readFile(path).catch((error: unknown) => {
      throw new UsageError("data-unreadable", `${path} cannot be read: ${messageOf(error)}. Check its permissions.`, {
        cause: error,
      });
    });
    if (bytes.byteLength === 0 || bytes.byteLength % recordBytes !== 0)
      throw new UsageError(
        "data-damaged",
        `${path} is truncated or damaged: expected records of ${recordBytes} bytes, received ${bytes.byteLength} bytes. Unpack it again.`,
      );
    parts.push(bytes);
  }
  const count = parts.reduce((sum, part) => sum + part.byteLength / recordBytes, 0);
  const pixels = new Uint8Array(count * 3 * PLANE);
  const labels = new Uint8Array(count);
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
