/** The networks by name. */
import { UsageError } from "../errors.js";
import { nearest } from "../nearest.js";
import { shapesOf } from "./shapes.js";
import type { ImageShape, ModelSpec } from "./spec.js";
import { ALEXNET } from "./tables/alexnet.js";
import type { Entries, ModelEntry, ModelOption, OptionValue } from "./tables/entry.js";
import { GOOGLENET } from "./tables/googlenet.js";
import { LENET } from "./tables/lenet.js";
import { RESNET } from "./tables/resnet.js";
import { TINY } from "./tables/tiny.js";
import { VGG } from "./tables/vgg.js";

export type ModelOptions = Readonly<Record<string, OptionValue>>;

const MODELS: Entries = { ...LENET, ...ALEXNET, ...VGG, ...GOOGLENET, ...RESNET, ...TINY };

export function modelNames(): string[] {
  return Object.keys(MODELS);
}

function entry(name: string): ModelEntry {
  if (Object.hasOwn(MODELS, name)) return MODELS[name]!;
  throw unknownModel(name);
}

export function unknownModel(name: string): UsageError {
  return new UsageError(
    "unknown-model",
    `unknown model "${name}"${nearest(name, modelNames())}. Run 'cnn-dist models' for the list, or give a path to a model of your own (model.json or .js).`,
  );
}

export function modelFacts(name: string): Pick<ModelEntry, "about" | "natural" | "options"> {
  return entry(name);
}

/** The network for images of that shape. UsageError for an unknown name or option, or an image it cannot take. */
export function buildModel(
  name: string,
  { input, classes, options = {} }: { input: ImageShape; classes: number; options?: ModelOptions },
): ModelSpec {
  const found = entry(name);
  for (const [key, value] of Object.entries(options)) checkOption(name, found, key, value);
  const initial = Object.fromEntries(Object.entries(found.options).map(([key, option]) => [key, option.initial]));
  const spec = found.build(input, classes, { ...initial, ...options });
  shapesOf(spec); // finds images that are too small, here and not in a worker
  return spec;
}

function checkOption(model: string, { options }: ModelEntry, key: string, value: OptionValue): void {
  if (!Object.hasOwn(options, key)) {
    const names = Object.keys(options);
    throw new UsageError(
      "model-option",
      `model ${model} has no option "${key}"${nearest(key, names)}. It has ${names.length === 0 ? "none" : names.join(", ")}.`,
    );
  }
  const option = options[key]!;
  if (fits(option, value)) return;
  throw new UsageError(
    "model-option",
    `model ${model}, option ${key}: expected ${expectedOf(option)}, received ${JSON.stringify(value)}`,
  );
}

function fits(option: ModelOption, value: OptionValue): boolean {
  switch (option.kind) {
    case "number":
      return typeof value === "number" && value >= option.least && value < option.below;
    case "choice":
      return option.choices.some((choice) => choice === value);
    case "switch":
      return typeof value === "boolean";
  }
}

/** What an option takes, in words. */
export function expectedOf(option: ModelOption): string {
  switch (option.kind) {
    case "number":
      return `a number from ${option.least} up to, but not including, ${option.below}`;
    case "choice":
      return `one of ${option.choices.join(", ")}`;
    case "switch":
      return "true or false";
  }
}
