/** Augmentation as a recipe says it: named steps, in order. What they do to an image is in src/data/augment. */
import { z } from "zod";

const side = z.number().int().min(1).max(4096);

/** `step` names it; sizes are in pixels. Every step is drawn anew for each image of each epoch. */
export const augmentationSchema = z
  .array(
    z.discriminatedUnion(
      "step",
      [
        /** Black around the image, then a crop of the old size at a random place (He et al. 2015, section 4.2). */
        z.strictObject({ step: z.literal("padAndCrop"), padding: z.number().int().min(1).max(256) }),
        /** A square at a random place (Krizhevsky et al. 2012, section 4.1). */
        z.strictObject({ step: z.literal("randomCrop"), size: side }),
        /** A part of random area and aspect ratio, resized to a square (Szegedy et al. 2015, section 6). */
        z.strictObject({
          step: z.literal("randomResizedCrop"),
          size: side,
          /** Least and greatest share of the image's area. */
          scale: interval(z.number().gt(0).max(1)).default([0.08, 1]),
          /** Least and greatest width over height. */
          ratio: interval(z.number().gt(0).max(100)).default([3 / 4, 4 / 3]),
        }),
        /** Mirrored, or not, with equal chances. */
        z.strictObject({ step: z.literal("horizontalFlip") }),
        /** Along the principal components of the training set's colours (Krizhevsky et al. 2012, section 4.1). */
        z.strictObject({ step: z.literal("colorNoise"), stddev: z.number().gt(0).max(10).default(0.1) }),
        /** The whole image resized into a square, black around it; no chance in it. */
        z.strictObject({ step: z.literal("resizeWithPad"), size: side }),
      ],
      { error: "one of padAndCrop, randomCrop, randomResizedCrop, horizontalFlip, colorNoise, resizeWithPad" },
    ),
  )
  .max(16);

export type Augmentation = z.infer<typeof augmentationSchema>;
export type AugmentationStep = Augmentation[number];

function interval(bound: z.ZodNumber) {
  return z.tuple([bound, bound]).refine(([low, high]) => low <= high, "two numbers, the lesser first");
}
