/** Which images train and which evaluate: as the folders say, else a fixed share of each class. Pure. */
import { join } from "node:path";
import { UsageError } from "../../errors.js";
import { deriveKey, permutation } from "../../random.js";
import type { FoundFolder, FoundImage } from "./scan.js";

/** Share of each class that is the test set, where nothing says which images are. */
export const TEST_SHARE = 0.2;

export interface Splits {
  train: FoundImage[];
  test: FoundImage[];
}

/**
 * Images that are not `sound` are left out. Where they are still to be split, each class gives its share, by lots drawn from
 * its name, and keeps at least one image to train on. UsageError `data-dir` where a class has nothing to train on, or where
 * nothing is left to evaluate on.
 */
export function splitImages(
  root: string,
  found: FoundFolder,
  testShare: number,
  sound: (image: FoundImage) => boolean,
): Splits {
  const usable = found.train.filter(sound);
  const splits = found.test ? { train: usable, test: found.test.filter(sound) } : drawn(usable, found, testShare);
  const present = new Set(splits.train.map(({ label }) => label));
  const empty = found.classNames.find((_, label) => !present.has(label));
  if (empty !== undefined)
    throw new UsageError("data-dir", `${root}: no image of the class "${empty}" is left to train on. Add some.`);
  if (splits.test.length === 0) throw nothingToEvaluate(root, found);
  return splits;
}

function drawn(usable: readonly FoundImage[], { classNames }: FoundFolder, testShare: number): Splits {
  const chosen = new Set<FoundImage>();
  const byClass = classNames.map((): FoundImage[] => []);
  for (const image of usable) byClass[image.label]!.push(image);
  for (const [label, name] of classNames.entries()) {
    const images = byClass[label]!;
    const count = Math.min(images.length - 1, Math.max(1, Math.round(images.length * testShare)));
    const lots = permutation(deriveKey(0, "image-folder", name), images.length);
    for (const lot of lots.subarray(0, Math.max(0, count))) chosen.add(images[lot]!);
  }
  return { train: usable.filter((image) => !chosen.has(image)), test: usable.filter((image) => chosen.has(image)) };
}

function nothingToEvaluate(root: string, { classNames, test, testName }: FoundFolder): UsageError {
  const none = "so nothing is left to evaluate on";
  const message =
    test && testName !== null
      ? `every image in ${join(root, testName)} is damaged and was skipped (${test.length} in all), ${none}. Replace some of them.`
      : `each of the ${classNames.length} classes in ${root} has one usable image, which is trained on, ${none}. ` +
        "Give a class two images or more, or a test set of its own: " +
        `${join(root, "train")} and ${join(root, "val")}, each with a folder for each class.`;
  return new UsageError("data-dir", message);
}
