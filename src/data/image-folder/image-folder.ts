/** JPEG and PNG files in a folder for each class, decoded as they are needed. */
import { createHash } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";
import type { PixelStatistics } from "../../config/pixel-statistics.js";
import { CnnDistError, clauseOf, UsageError } from "../../errors.js";
import { plural } from "../../format.js";
import type { ImageShape } from "../../models/spec.js";
import type { Dataset, DatasetFacts, ImageDecoder, LoadOptions, Split, Whereabouts } from "../dataset.js";
import { fitImage } from "../fit.js";
import { imageBytes } from "../image-bytes.js";
import { inParallel } from "../in-parallel.js";
import { type Fingerprint, fingerprintsOf } from "./fingerprints.js";
import { folderOptions } from "./options.js";
import { type FoundImage, type LeftOut, scanFolder, shown } from "./scan.js";
import { splitImages, TEST_SHARE } from "./split.js";

/** Parallel calls of the decoder, so that one's pixels are taken over while the other decodes. */
const CALLS = 2;
/** In each call: so many files, or fewer that have so many pixels together, or one. It bounds the memory of large images. */
const FILES_A_CALL = 16;
const PIXELS_A_CALL = 2 ** 26;
/** Bad files that are named. */
const NAMED = 5;

/**
 * Of ImageNet's training set, whatever the folder holds, as is usual: mean and deviation as torchvision's weights expect
 * them, principal components as published with Facebook's ResNet training code in 2016. One channel: their averages.
 */
const COLOR_STATISTICS: PixelStatistics = {
  mean: [0.485, 0.456, 0.406],
  deviation: [0.229, 0.224, 0.225],
  principal: {
    values: [0.2175 ** 2, 0.0188 ** 2, 0.0045 ** 2], // published as deviations
    vectors: [
      [-0.5675, -0.5808, -0.5836],
      [0.7192, -0.0045, -0.6948],
      [0.4009, -0.814, 0.4203],
    ],
  },
};
const GRAY_STATISTICS: PixelStatistics = { mean: [0.449], deviation: [0.226], principal: null };

export function publishedStatistics(channels: 1 | 3): PixelStatistics {
  return channels === 3 ? COLOR_STATISTICS : GRAY_STATISTICS;
}

export function imageFolderFacts(given: LoadOptions["options"]): DatasetFacts {
  const { size, channels } = folderOptions(given);
  return {
    name: "image-folder",
    shape: [size, size, channels],
    classes: null,
    train: null,
    test: null,
    license: "that of your images",
    about: "JPEG and PNG files in a folder for each class",
  };
}

export function findImageFolder({ dataDir }: Pick<LoadOptions, "dataDir">): Whereabouts {
  if (dataDir === undefined) return { where: "a folder of your own: give it by --data-dir", ready: false };
  return { where: dataDir, ready: existsSync(dataDir) };
}

/**
 * Reads every file once to check and hash it (what was found is kept in the cache), and none into memory. Images are decoded
 * by `decode` when they are copied. UsageError for a folder of another form, and for files that are no images.
 */
export async function loadImageFolder(options: LoadOptions): Promise<Dataset> {
  const { dataDir, cacheDir } = options;
  if (dataDir === undefined)
    throw new UsageError("data-dir", "dataset image-folder needs --data-dir DIR, the folder that holds the images.");
  const settings = folderOptions(options.options);
  const found = scanFolder(dataDir);
  if (found.test && settings.testShare !== null)
    throw new UsageError(
      "dataset-option",
      `dataset image-folder, option testShare: ${dataDir} has a test set of its own, in "${found.testName}". Leave the option out.`,
    );
  const paths = [...found.train, ...(found.test ?? [])].map(({ path }) => path);
  const root = realpathSync(dataDir);
  const key = createHash("sha256").update(root).digest("hex").slice(0, 16);
  const remembered = join(cacheDir, "datasets", "image-folder", `${key}.jsonl`);
  const prints = new Map(
    (await fingerprintsOf(root, paths, remembered, options)).map((print, index) => [paths[index]!, print]),
  );
  const bad = paths.filter((path) => prints.get(path)!.fault !== null);
  if (bad.length > 0 && settings.badImages === "refuse") throw refusal(root, bad, prints);
  const testShare = settings.testShare ?? TEST_SHARE;
  const { train, test } = splitImages(root, found, testShare, ({ path }) => prints.get(path)!.fault === null);
  const shape: ImageShape = [settings.size, settings.size, settings.channels];
  const split = (images: readonly FoundImage[]) => folderSplit(root, images, prints, shape, options.decode);
  const warning = warningOf(bad, prints, found.leftOut);
  return {
    name: "image-folder",
    shape,
    classes: found.classNames.length,
    classNames: found.classNames,
    train: split(train),
    test: split(test),
    sha256: sha256Of(shape, found.classNames, [train, test], prints),
    source: `${dataDir} (${found.testName === null ? `split by ${testShare}` : `train and ${found.testName}`})`,
    statistics: publishedStatistics(settings.channels),
    ...(warning === null ? {} : { warning }),
  };
}

function refusal(root: string, bad: readonly string[], prints: ReadonlyMap<string, Fingerprint>): UsageError {
  const named = bad.slice(0, NAMED).map((path) => `${shown(join(root, path))}: ${prints.get(path)!.fault}`);
  const more = bad.length > NAMED ? `\nand ${bad.length - NAMED} more` : "";
  return new UsageError(
    "data-damaged",
    `${plural(bad.length, "file")} cannot be used:\n${named.join("\n")}${more}\nReplace or remove ${bad.length === 1 ? "it" : "them"}, or leave such files out by --dataset-option badImages=skip.`,
  );
}

function warningOf(bad: readonly string[], prints: ReadonlyMap<string, Fingerprint>, leftOut: LeftOut): string | null {
  const parts: string[] = [];
  if (bad.length > 0) {
    const named = bad.slice(0, NAMED).map((path) => `${shown(path)} (${prints.get(path)!.fault})`);
    const more = bad.length > NAMED ? ` and ${bad.length - NAMED} more` : "";
    parts.push(
      `${plural(bad.length, "bad image")} ${bad.length === 1 ? "was" : "were"} skipped: ${named.join(", ")}${more}`,
    );
  }
  if (leftOut.files > 0)
    parts.push(
      `${plural(leftOut.files, "file")} of other endings than .jpg and .png ${leftOut.files === 1 ? "was" : "were"} left out`,
    );
  if (leftOut.folders > 0)
    parts.push(
      `${plural(leftOut.folders, "folder")} inside of the classes' ${leftOut.folders === 1 ? "was" : "were"} not looked into`,
    );
  return parts.length === 0 ? null : parts.join("; ");
}

function folderSplit(
  root: string,
  images: readonly FoundImage[],
  prints: ReadonlyMap<string, Fingerprint>,
  shape: ImageShape,
  decode: ImageDecoder | undefined,
): Split {
  const channels = shape[2] === 1 ? 1 : 3;
  const bytes = imageBytes(shape);
  return {
    count: images.length,
    labels: Int32Array.from(images, ({ label }) => label),
    async copyImages(indices, pixels) {
      if (!decode) throw new CnnDistError("unexpected", "image-folder: nothing decodes images in this process");
      const paths = Array.from(indices, (index) => images[index]!.path);
      const targetOf = (at: number) => pixels.subarray(at * bytes, (at + 1) * bytes);
      const calls = callsOf(paths.map((path) => prints.get(path)!.pixels));
      await inParallel(calls.length, CALLS, async (call) => {
        const { first, end } = calls[call]!;
        const files = paths.slice(first, end).map((path) => join(root, path));
        try {
          const decoded = await decode(files, channels, (index, height, width) =>
            height === shape[0] && width === shape[1] ? targetOf(first + index) : null,
          );
          for (const [index, image] of decoded.entries()) {
            const target = targetOf(first + index);
            if (image.pixels.buffer !== target.buffer) fitImage(image, shape, target);
          }
        } catch (error) {
          throw new CnnDistError(
            "image",
            `${clauseOf(error)}. Replace it by a sound copy, or begin a new run without it.`,
            { cause: error },
          );
        }
      });
    },
  };
}

/** Consecutive images, cut into what one call decodes. */
function callsOf(pixels: readonly number[]): { first: number; end: number }[] {
  const calls: { first: number; end: number }[] = [];
  let [first, sum] = [0, 0];
  for (const [index, count] of pixels.entries()) {
    if (index > first && (index - first === FILES_A_CALL || sum + count > PIXELS_A_CALL)) {
      calls.push({ first, end: index });
      [first, sum] = [index, 0];
    }
    sum += count;
  }
  if (pixels.length > first) calls.push({ first, end: pixels.length });
  return calls;
}

/** Form, classes, and each image's place, class and bytes, in order. */
function sha256Of(
  shape: ImageShape,
  classNames: readonly string[],
  splits: readonly (readonly FoundImage[])[],
  prints: ReadonlyMap<string, Fingerprint>,
): string {
  const hash = createHash("sha256").update(JSON.stringify(["image-folder", shape, classNames]));
  for (const images of splits) {
    hash.update(`\n${images.length}\n`);
    for (const { path, label } of images) hash.update(`${JSON.stringify([path, label, prints.get(path)!.sha256])}\n`);
  }
  return hash.digest("hex");
}
