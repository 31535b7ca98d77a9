/** Splits whose images all lie in memory, checked once when they are read. */
import { createHash } from "node:crypto";
import { UsageError } from "../errors.js";
import type { ImageShape } from "../models/spec.js";
import type { Split } from "./dataset.js";
import { imageBytes } from "./image-bytes.js";

/** Pixels (uint8, NHWC) and labels as the files have them, and the file's name for errors. */
export interface RawSplit {
  name: string;
  pixels: Uint8Array;
  labels: Uint8Array;
}

/** UsageError `data-damaged` when images and labels do not match, or a label is not below `classes`. */
export function memorySplit({ name, pixels, labels }: RawSplit, shape: ImageShape, classes: number): Split {
  const each = imageBytes(shape);
  const count = pixels.byteLength / each;
  if (count === 0) throw new UsageError("data-damaged", `${name} holds no images. Replace it by an intact copy.`);
  if (labels.length !== count)
    throw new UsageError(
      "data-damaged",
      `${name}: ${count} images and ${labels.length} labels; the two files do not belong together. Replace both by intact copies.`,
    );
  const wrong = labels.findIndex((label) => label >= classes);
  if (wrong >= 0)
    throw new UsageError(
      "data-damaged",
      `${name}: label ${wrong} is ${labels[wrong]}, expected 0 to ${classes - 1}. Replace it by an intact copy.`,
    );
  return {
    count,
    labels: Int32Array.from(labels),
    copyImages(indices, out) {
      for (let at = 0; at < indices.length; at++) {
        const first = indices[at]! * each;
        out.set(pixels.subarray(first, first + each), at * each);
      }
    },
  };
}

/** What a join compares: shape, then pixels and labels of the training set, then of the test set. */
export function sha256OfSplits(shape: ImageShape, splits: readonly RawSplit[]): string {
  const hash = createHash("sha256").update(shape.join("x"));
  for (const { pixels, labels } of splits) hash.update(pixels).update(labels);
  return hash.digest("hex");
}
