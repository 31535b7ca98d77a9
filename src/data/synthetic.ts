/** Images of any shape and number, made from their index; a linear teacher labels them, so that they can be learned. */
import { createHash } from "node:crypto";
import { UsageError } from "../errors.js";
import type { ImageShape } from "../models/spec.js";
import { deriveKey, integers, normals } from "../random.js";
import type { Dataset, DatasetFacts, LoadOptions, Split } from "./dataset.js";

const DEFAULTS = { height: 32, width: 32, channels: 3, classes: 10, train: 2048, test: 512, seed: 1 };
type Options = { -readonly [K in keyof typeof DEFAULTS]: number };

export function syntheticOptions(given: LoadOptions["options"]): Options {
  const options: Options = { ...DEFAULTS };
  for (const [name, value] of Object.entries(given)) {
    if (!(name in DEFAULTS))
      throw new UsageError(
        "dataset-option",
        `dataset synthetic has no option ${name}; it has ${Object.keys(DEFAULTS).join(", ")}`,
      );
    const least = name === "seed" ? 0 : name === "classes" ? 2 : 1;
    if (!Number.isSafeInteger(value) || (value as number) < least) {
      throw new UsageError(
        "dataset-option",
        `dataset synthetic, option ${name}: expected a whole number of ${least} or more, received ${JSON.stringify(value)}`,
      );
    }
    options[name as keyof Options] = value as number;
  }
  return options;
}

export function syntheticFacts(given: LoadOptions["options"]): DatasetFacts {
  const { height, width, channels, classes, train, test } = syntheticOptions(given);
  return {
    name: "synthetic",
    shape: [height, width, channels],
    classes,
    train,
    test,
    license: "none needed",
    about: "noise labelled by a linear teacher; any shape, made as it is read",
  };
}

export function loadSynthetic(given: LoadOptions["options"]): Dataset {
  const options = syntheticOptions(given);
  const shape: ImageShape = [options.height, options.width, options.channels];
  const teacher = new Teacher(shape, options.classes, options.seed);
  const train = teacher.split("train", options.train);
  const test = teacher.split("test", options.test);
  const probe = new Uint8Array(shape[0] * shape[1] * shape[2]);
  train.copyImages([0], probe);
  return {
    name: "synthetic",
    shape,
    classes: options.classes,
    classNames: Array.from({ length: options.classes }, (_, index) => `class ${index}`),
    train,
    test,
    sha256: createHash("sha256").update(JSON.stringify(options)).update(probe).update(train.labels).digest("hex"),
    source: `made here: ${options.train} training and ${options.test} test images of ${shape.join("x")}, ${options.classes} classes`,
  };
}

/**
 * The image is noise on a coarse grid of at most 8x8 cells; the class is the largest of `classes` random linear functions
 * of the cells. The teacher sees only the cells, so that labelling stays quick for large images.
 */
class Teacher {
  readonly #shape: ImageShape;
  readonly #classes: number;
  readonly #seed: number;
  readonly #weights: Float32Array;
  readonly #rows: number;
  readonly #columns: number;
  readonly #cells: number;

  constructor(shape: ImageShape, classes: number, seed: number) {
    this.#shape = shape;
    this.#classes = classes;
    this.#seed = seed;
    this.#rows = Math.min(8, shape[0]);
    this.#columns = Math.min(8, shape[1]);
    this.#cells = this.#rows * this.#columns * shape[2];
    this.#weights = normals(deriveKey(seed, "teacher"), this.#cells * classes);
  }

  split(name: string, count: number): Split {
    const labels = new Int32Array(count);
    for (let index = 0; index < count; index++) labels[index] = this.#label(this.#draw(name, index));
    const [height, width, channels] = this.#shape;
    const imageBytes = height * width * channels;
    return {
      count,
      labels,
      copyImages: (indices, pixels) => {
        for (let at = 0; at < indices.length; at++) {
          this.#paint(this.#draw(name, indices[at]!), pixels.subarray(at * imageBytes, (at + 1) * imageBytes));
        }
      },
    };
  }

  /** One byte a cell. */
  #draw(split: string, index: number): Uint8Array {
    const words = integers(deriveKey(this.#seed, split, index), Math.ceil(this.#cells / 4));
    return new Uint8Array(words.buffer, 0, this.#cells);
  }

  #label(cells: Uint8Array): number {
    let best = 0;
    let highest = -Infinity;
    for (let label = 0; label < this.#classes; label++) {
      let score = 0;
      const first = label * this.#cells;
      for (let cell = 0; cell < this.#cells; cell++) score += this.#weights[first + cell]! * (cells[cell]! - 127.5);
      if (score > highest) {
        highest = score;
        best = label;
      }
    }
    return best;
  }

  #paint(cells: Uint8Array, pixels: Uint8Array): void {
    const [height, width, channels] = this.#shape;
    let at = 0;
    for (let y = 0; y < height; y++) {
      const row = Math.floor((y * this.#rows) / height) * this.#columns;
      for (let x = 0; x < width; x++) {
        const cell = (row + Math.floor((x * this.#columns) / width)) * channels;
        for (let channel = 0; channel < channels; channel++) pixels[at++] = cells[cell + channel]!;
      }
    }
  }
}
