import type { PixelStatistics } from "../config/pixel-statistics.js";
import type { DecodedImage, Place } from "../engine/engine.js";
import type { ImageShape } from "../models/spec.js";

/** Images of one split. Pixels are uint8, NHWC; the worker scales them to [0, 1] inside the traced step. */
export interface Split {
  readonly count: number;
  /**
   * Copies the images of `indices` one after the other into `pixels` (`indices.length * h * w * c` bytes): at once where
   * they lie in memory, else by the time that the promise resolves.
   */
  copyImages(indices: ArrayLike<number>, pixels: Uint8Array): void | Promise<void>;
  /** Class numbers of all images, each below `classes`. */
  readonly labels: Int32Array;
}

export interface Dataset {
  readonly name: string;
  readonly shape: ImageShape;
  readonly classes: number;
  readonly classNames: readonly string[];
  readonly train: Split;
  readonly test: Split;
  /** SHA-256 over shape, labels and pixels of both splits: what a join compares. */
  readonly sha256: string;
  /** For the plan: where it was read from, and, for the carried subset, a warning. */
  readonly source: string;
  readonly warning?: string;
  /** Constants to normalise by, where they are not worked out from the pixels. */
  readonly statistics?: PixelStatistics;
}

/** What can be known of a data set before it is read: enough for `summary` and for the plan's first lines. */
export interface DatasetFacts {
  readonly name: string;
  readonly shape: ImageShape;
  /** Null, as the numbers of images: as the user's files have them. */
  readonly classes: number | null;
  readonly train: number | null;
  readonly test: number | null;
  readonly license: string;
  readonly about: string;
}

/** Where a data set would be read from, for people; `ready` when nothing has to be downloaded first. */
export interface Whereabouts {
  readonly where: string;
  readonly ready: boolean;
}

/**
 * A whole JPEG or PNG file, as gray or RGB; rejects when it is neither, or damaged. `place` may offer memory for the pixels
 * once their size is known.
 */
export type ImageDecoder = (paths: readonly string[], channels: 1 | 3, place?: Place) => Promise<DecodedImage[]>;

export interface LoadOptions {
  /** From --data-dir; absent: the places that the data set knows, then its cache, then a download. */
  dataDir?: string;
  /** Root of the user's cache; data sets live in `<cacheDir>/datasets/<name>`. */
  cacheDir: string;
  /**
   * `sha256` of the data set that is wanted, if it is known (a resumed run, a worker): of several places, only the one that
   * can hold it is read. The caller still compares.
   */
  sha256?: string;
  /** For synthetic: height, width, channels, classes, train, test, seed. */
  options: Readonly<Record<string, string | number | boolean>>;
  /** For image-folder; without it the data set can be looked at, but gives no images. */
  decode?: ImageDecoder;
  signal?: AbortSignal;
  /** Of bytes, or of what `unit` names. */
  onProgress?: (progress: { what: string; received: number; total: number | null; unit?: string }) => void;
}
