/** A recipe's steps one after the other, from an image as the data set has it to one as the network takes it. Pure. */
import type { Augmentation, AugmentationStep } from "../../config/augmentation.js";
import type { PixelStatistics } from "../../config/pixel-statistics.js";
import type { ImageShape } from "../../models/spec.js";
import { deriveKey, type Key, normals, uniforms } from "../../random.js";
import { imageBytes } from "../image-bytes.js";
import { colorNoise } from "./color-noise.js";
import { horizontalFlip } from "./horizontal-flip.js";
import { padAndCrop } from "./pad-and-crop.js";
import { randomCrop } from "./random-crop.js";
import { randomResizedCrop } from "./random-resized-crop.js";
import { resizeWithPad } from "./resize-with-pad.js";
import type { BuiltStep, Draws, Form } from "./step.js";

export interface Pipeline {
  /** Of the images that come out. */
  readonly shape: ImageShape;
  /**
   * One image from `from` to `to` (uint8, row by row, channels together), which do not overlap. What is drawn is a function
   * of the seed, the epoch and the image's number alone. Null: images stay as they are.
   */
  readonly apply: ((from: Uint8Array, to: Uint8Array, epoch: number, sample: number) => void) | null;
}

export interface PipelineOptions {
  augmentation: Augmentation;
  /** As the data set has the images. */
  shape: ImageShape;
  form: Form;
  seed: number;
  /** For colorNoise; without it that step leaves the images as they are. */
  principal?: PixelStatistics["principal"];
}

/** Random numbers that a step may draw for one image. */
const DRAWS = 64;

/** UsageError `augmentation` for a step that the images do not allow. */
export function openPipeline({ augmentation, shape, form, seed, principal = null }: PipelineOptions): Pipeline {
  const steps: { built: BuiltStep; place: number }[] = [];
  let left = shape;
  for (const [place, step] of augmentation.entries()) {
    const built = build(step, left, form, principal);
    left = built.shape;
    if (built.apply) steps.push({ built, place });
  }
  if (steps.length === 0) return { shape: left, apply: null };
  const between = steps.slice(0, -1).map(({ built }) => new Uint8Array(imageBytes(built.shape)));
  return {
    shape: left,
    apply(from, to, epoch, sample) {
      const key = form === "training" ? deriveKey(seed, "augmentation", epoch, sample) : NOTHING;
      let now = from;
      for (const [index, { built, place }] of steps.entries()) {
        const next = between[index] ?? to;
        built.apply!(now, next, drawsOf(key, place));
        now = next;
      }
    },
  };
}

/** For forms in which nothing draws. */
const NOTHING: Key = [0, 0];

/** The shape that a recipe's images have when they reach the network. */
export function networkShape(augmentation: Augmentation, shape: ImageShape): ImageShape {
  return openPipeline({ augmentation, shape, form: "evaluation", seed: 0 }).shape;
}

function build(step: AugmentationStep, shape: ImageShape, form: Form, principal: PixelStatistics["principal"]) {
  switch (step.step) {
    case "padAndCrop":
      return padAndCrop(step, shape, form);
    case "randomCrop":
      return randomCrop(step, shape, form);
    case "randomResizedCrop":
      return randomResizedCrop(step, shape, form);
    case "horizontalFlip":
      return horizontalFlip(shape, form);
    case "colorNoise":
      return colorNoise(step, shape, form, principal);
    case "resizeWithPad":
      return resizeWithPad(step, shape);
  }
}

function drawsOf(key: Key, place: number): Draws {
  return {
    uniforms: (count) => uniforms(key, count, place * DRAWS),
    normals: (count) => normals(key, count, place * DRAWS),
  };
}
