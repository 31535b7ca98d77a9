import { UsageError } from "../../errors.js";
import type { ImageShape } from "../../models/spec.js";
import { middleOf } from "../resample.js";
import { crop } from "./crop.js";
import { type BuiltStep, below, type Form } from "./step.js";

/** Evaluation: the centre. */
export function randomCrop({ size }: { size: number }, shape: ImageShape, form: Form): BuiltStep {
  const [height, width, channels] = shape;
  if (size > height || size > width)
    throw new UsageError(
      "augmentation",
      `--augmentation: randomCrop of ${size} needs images of at least ${size}x${size}, received ${height}x${width}. Store them larger, or crop less.`,
    );
  if (form === "whole") return { shape, apply: null };
  const left: ImageShape = [size, size, channels];
  if (form === "evaluation") {
    const middle = middleOf(height, width, size, size);
    return { shape: left, apply: (from, to) => crop(from, shape, middle, to, left) };
  }
  return {
    shape: left,
    apply(from, to, draws) {
      const [down, right] = draws.uniforms(2);
      const at = { top: below(height - size + 1, down!), left: below(width - size + 1, right!) };
      crop(from, shape, at, to, left);
    },
  };
}
