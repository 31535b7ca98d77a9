/** Images of any shape and number, made from their index; a linear teacher labels them, so that they can be learned. */
import { createHash } from "node:crypto";
import { UsageError } from "../errors.js";
import type { ImageShape } from "../models/spec.js";
import { deriveKey, integers, normals } from "../random.js";
import type { Dataset, DatasetFacts, LoadOptions, Split } from "./dataset.js";
import { imageBytes } from "./image-bytes.js";

/** Option: what it is when absent, the least, the most. */
const OPTIONS = {
  height: [32, 1, 4096],
  width: [32, 1, 4096],
  channels: [3, 1, 1024],
  classes: [10, 2, 100_000],
  train: [2048, 1, 100_000_000],
  test: [512, 1, 100_000_000],
  seed: [1, 0, Number.MAX_SAFE_INTEGER],
} as const satisfies Record<string, readonly [usual: number, least: number, most: number]>;
type SyntheticOptions = Record<keyof typeof OPTIONS, number>;

/** UsageError `dataset-option` for a name or a value that does not exist. */
function resolve(given: LoadOptions["options"]): SyntheticOptions {
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(OPTIONS, name))
      throw new UsageError(
        "dataset-option",
        `dataset synthetic has no option "${name}"; it has ${Object.keys(OPTIONS).join(", ")}.`,
      );
  }
  const value = (name: keyof typeof OPTIONS): number => {
    const [usual, least, most] = OPTIONS[name];
    const received = given[name] ?? usual;
    if (typeof received === "number" && Number.isInteger(received) && received >= least && received <= most)
      return received;
    throw new UsageError(
      "dataset-option",
      `dataset synthetic, option ${name}: expected a whole number from ${least} to ${most}, received ${JSON.stringify(received)}.`,
    );
  };
  return {
    height: value("height"),
    width: value("width"),
    channels: value("channels"),
    classes: value("classes"),
    train: value("train"),
    test: value("test"),
    seed: value("seed"),
  };
}

export function syntheticFacts(given: LoadOptions["options"]): DatasetFacts {
  const { height, width, channels, classes, train, test } = resolve(given);
  return {
    name: "synthetic",
    shape: [height, width, channels],
    classes,
    train,
    test,
    license: "none needed",
    about: "random patches labelled by a linear teacher; any shape, made as they are read",
  };
}

/** Labels are made at once (train * classes * cells multiplications), pixels whenever they are copied. */
export function loadSynthetic(given: LoadOptions["options"]): Dataset {
  const options = resolve(given);
  const shape: ImageShape = [options.height, options.width, options.channels];
  const teacher = new Teacher(shape, options.classes, options.seed);
  const train = teacher.split("train", options.train);
  const test = teacher.split("test", options.test);
  // Options decide everything; the samples beside them catch a change in how images are made.
  const sample = new Uint8Array(imageBytes(shape));
  train.copyImages([0], sample);
  const hash = createHash("sha256").update(JSON.stringify(options)).update(sample);
  for (const { labels } of [train, test]) hash.update(Buffer.from(labels.buffer));
  return {
    name: "synthetic",
    shape,
    classes: options.classes,
    classNames: Array.from({ length: options.classes }, (_, index) => `class ${index}`),
    train,
    test,
    sha256: hash.digest("hex"),
    source: "made as it is read",
  };
}

/** Cells an axis: few, so that a small network learns the teacher from a few thousand images. */
const GRID = 4;

/**
 * An image is a grid of at most 4x4 patches, each of one random colour; its class is the largest of `classes` random
 * linear functions of the patches.
 */
class Teacher {
  readonly #shape: ImageShape;
  readonly #classes: number;
  readonly #seed: number;
  readonly #rows: number;
  readonly #columns: number;
  readonly #cells: number;
  /** [classes, cells]. */
  readonly #weights: Float32Array;

  constructor(shape: ImageShape, classes: number, seed: number) {
    this.#shape = shape;
    this.#classes = classes;
    this.#seed = seed;
    this.#rows = Math.min(GRID, shape[0]);
    this.#columns = Math.min(GRID, shape[1]);
    this.#cells = this.#rows * this.#columns * shape[2];
    this.#weights = normals(deriveKey(seed, "teacher"), this.#cells * classes);
  }

  split(name: "train" | "test", count: number): Split {
    const labels = new Int32Array(count);
    for (let index = 0; index < count; index++) labels[index] = this.#label(this.#draw(name, index));
    const each = imageBytes(this.#shape);
    return {
      count,
      labels,
      copyImages: (indices, pixels) => {
        for (let at = 0; at < indices.length; at++) {
          this.#paint(this.#draw(name, indices[at]!), pixels.subarray(at * each, (at + 1) * each));
        }
      },
    };
  }

  /** One byte a cell and channel: [rows, columns, channels]. The words' bytes are taken from the low end. */
  #draw(split: string, index: number): Uint8Array {
    const words = integers(deriveKey(this.#seed, split, index), Math.ceil(this.#cells / 4));
    const cells = new Uint8Array(this.#cells);
    for (let cell = 0; cell < cells.length; cell++) cells[cell] = words[cell >> 2]! >>> (8 * (cell & 3));
    return cells;
  }

  #label(cells: Uint8Array): number {
    let best = 0;
    let highest = Number.NEGATIVE_INFINITY;
    for (let label = 0; label < this.#classes; label++) {
      const first = label * cells.length;
      let score = 0;
      for (let cell = 0; cell < cells.length; cell++) score += this.#weights[first + cell]! * (cells[cell]! - 127.5);
      if (score > highest) {
        highest = score;
        best = label;
      }
    }
    return best;
  }

  #paint(cells: Uint8Array, pixels: Uint8Array): void {
    const [height, width, channels] = this.#shape;
    const rowBytes = width * channels;
    let painted = -1;
    for (let y = 0; y < height; y++) {
      const row = Math.floor((y * this.#rows) / height);
      if (row === painted) {
        pixels.copyWithin(y * rowBytes, (y - 1) * rowBytes, y * rowBytes);
        continue;
      }
      painted = row;
      let at = y * rowBytes;
      for (let x = 0; x < width; x++) {
        const first = (row * this.#columns + Math.floor((x * this.#columns) / width)) * channels;
        for (let channel = 0; channel < channels; channel++) pixels[at++] = cells[first + channel]!;
      }
    }
  }
}
