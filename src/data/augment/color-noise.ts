import type { PixelStatistics } from "../../config/pixel-statistics.js";
import { UsageError } from "../../errors.js";
import type { ImageShape } from "../../models/spec.js";
import type { BuiltStep, Form } from "./step.js";

/**
 * Krizhevsky et al. 2012, section 4.1: to each pixel, in [0, 1], the sum over the principal components of
 * alpha * deviation * eigenvector, alpha ~ N(0, stddev) drawn once an image. Evaluation: nothing. The deviation along a
 * component is the root of its eigenvalue: the one reading of the paper's alpha * lambda that does not depend on whether
 * pixels end at 1 or at 255 (by the eigenvalue itself the noise would be 0.5% of the range, or 120% of it).
 */
export function colorNoise(
  { stddev }: { stddev: number },
  shape: ImageShape,
  form: Form,
  principal: PixelStatistics["principal"],
): BuiltStep {
  if (shape[2] !== 3)
    throw new UsageError(
      "augmentation",
      `--augmentation: colorNoise needs images of 3 channels, received ${shape[2]}. Leave it out.`,
    );
  if (form !== "training" || principal === null) return { shape, apply: null };
  const { values, vectors } = principal;
  const deviations = values.map((value) => Math.sqrt(Math.max(0, value)));
  const table = new Uint8Array(3 * 256);
  return {
    shape,
    apply(from, to, draws) {
      const alphas = draws.normals(3);
      for (let channel = 0; channel < 3; channel++) {
        let shift = 0;
        for (let at = 0; at < 3; at++) shift += alphas[at]! * stddev * deviations[at]! * vectors[at]![channel]!;
        for (let value = 0; value < 256; value++)
          table[channel * 256 + value] = Math.max(0, Math.min(255, Math.round(value + 255 * shift)));
      }
      for (let at = 0; at < from.length; at += 3) {
        to[at] = table[from[at]!]!;
        to[at + 1] = table[256 + from[at + 1]!]!;
        to[at + 2] = table[512 + from[at + 2]!]!;
      }
    },
  };
}
