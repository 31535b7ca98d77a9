/** What a family's file says of each of its networks; registry.ts puts them together. */
import type { ImageShape, LayerSpec, ModelSpec } from "../spec.js";

export type OptionValue = string | number | boolean;

/** An option with what it is when nothing is said. */
export type ModelOption = { about: string } & (
  | { kind: "number"; initial: number; least: number; below: number }
  | { kind: "choice"; initial: string | number; choices: readonly (string | number)[] }
  | { kind: "switch"; initial: boolean }
);

export interface ModelEntry {
  about: string;
  /** What `summary` shows when no data set is named. */
  natural: { input: ImageShape; classes: number };
  options: Readonly<Record<string, ModelOption>>;
  build(input: ImageShape, classes: number, options: Readonly<Record<string, OptionValue>>): ModelSpec;
}
export type Entries = Readonly<Record<string, ModelEntry>>;

export const IMAGENET = { input: [224, 224, 3], classes: 1000 } as const;

export const dropoutOption = (initial: number, about: string): ModelOption => ({
  kind: "number",
  initial,
  least: 0,
  below: 1,
  about,
});

export const WIDTH: ModelOption = {
  kind: "number",
  initial: 1,
  least: 1 / 64,
  below: 17,
  about: "factor of all numbers of channels and units but the classes",
};

/** Channels under the option `width`: rounded, a multiple of `multiple`, at least that. */
export function widened(channels: number, width: OptionValue | undefined, multiple = 1): number {
  return Math.max(1, Math.round((channels * Number(width ?? 1)) / multiple)) * multiple;
}

/** Small images have forms of their own in most families. */
export function isSmall([height, width]: ImageShape): boolean {
  return height <= 64 && width <= 64;
}

/** A hidden dense layer with its ReLU; `init` where the paper says more than the default. */
export function hidden(
  name: string,
  units: number,
  init: Pick<Extract<LayerSpec, { kind: "dense" }>, "kernelInit" | "biasInit"> = {},
): LayerSpec {
  return { kind: "dense", name, units, bias: true, activation: "relu", ...init };
}

/** The layer that brings an image to `side` x `side`, if it has another size. */
export function fitTo(
  [height, width]: ImageShape,
  side: number,
  kind: "resize" | "resizeWithPad" | "padTo",
): LayerSpec[] {
  return height === side && width === side ? [] : [{ kind, name: "fit", height: side, width: side }];
}
