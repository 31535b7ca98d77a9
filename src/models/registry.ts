/** The networks by name. */
import { UsageError } from "../errors.js";
import { nearest } from "../nearest.js";
import { lenet5 } from "./lenet.js";
import { shapesOf } from "./shapes.js";
import type { ImageShape, ModelSpec } from "./spec.js";
import { tinyBn } from "./tiny.js";
import { VGG_NAMES, vgg } from "./vgg.js";

export type ModelOptions = Readonly<Record<string, string | number | boolean>>;

interface Entry {
  about: string;
  /** What `summary` shows when no data set is named. */
  natural: { input: ImageShape; classes: number };
  /** Options with their defaults; a value's type and range are those of `check`. */
  options: Readonly<Record<string, { initial: number; check: (value: unknown) => boolean; expects: string }>>;
  build(input: ImageShape, classes: number, options: Readonly<Record<string, number>>): ModelSpec;
}

const IMAGENET = { input: [224, 224, 3], classes: 1000 } as const;
const rate = (initial: number) => ({
  initial,
  check: (value: unknown) => typeof value === "number" && value >= 0 && value < 1,
  expects: "a number from 0 up to, but not including, 1",
});

const vggEntry = (name: (typeof VGG_NAMES)[number], batchNorm: boolean): [string, Entry] => [
  batchNorm ? `${name}-bn` : name,
  {
    about: `Simonyan & Zisserman 2015${batchNorm ? ", with batch normalisation" : ""}`,
    natural: IMAGENET,
    options: {},
    build: (input, classes) => vgg(name, input, classes, { batchNorm }),
  },
];

const MODELS: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  [
    "lenet5",
    {
      about: "LeCun et al. 1998, as it is built today",
      natural: { input: [32, 32, 1], classes: 10 },
      options: {},
      build: lenet5,
    },
  ],
  [
    "tiny-bn",
    {
      about: "small, with batch normalisation and dropout",
      natural: { input: [28, 28, 1], classes: 10 },
      options: { dropout: rate(0.25) },
      build: (input, classes, { dropout }) => tinyBn(input, classes, dropout!),
    },
  ],
  ...VGG_NAMES.map((name) => vggEntry(name, false)),
  ...VGG_NAMES.map((name) => vggEntry(name, true)),
]);

export function modelNames(): string[] {
  return [...MODELS.keys()];
}

function entry(name: string): Entry {
  const found = MODELS.get(name);
  if (found) return found;
  throw new UsageError(
    "unknown-model",
    `unknown model "${name}"${nearest(name, modelNames())}. Run 'cnn-dist models' for the list, or give a path to a model of your own (model.json or .js).`,
  );
}

export function modelFacts(name: string): Pick<Entry, "about" | "natural"> {
  return entry(name);
}

/** The network for images of that shape. UsageError for an unknown name or option, or an image it cannot take. */
export function buildModel(
  name: string,
  { input, classes, options = {} }: { input: ImageShape; classes: number; options?: ModelOptions },
): ModelSpec {
  const found = entry(name);
  const values: Record<string, number> = {};
  for (const [key, { initial }] of Object.entries(found.options)) values[key] = initial;
  for (const [key, value] of Object.entries(options)) {
    const known = found.options[key];
    if (!known) {
      const names = Object.keys(found.options);
      throw new UsageError(
        "model-option",
        `model ${name} has no option "${key}"${nearest(key, names)}. It has ${names.length === 0 ? "none" : names.join(", ")}.`,
      );
    }
    if (!known.check(value))
      throw new UsageError(
        "model-option",
        `model ${name}, option ${key}: expected ${known.expects}, received ${JSON.stringify(value)}`,
      );
    values[key] = value as number;
  }
  const spec = found.build(input, classes, values);
  shapesOf(spec); // finds images that are too small, here and not in a worker
  return spec;
}
