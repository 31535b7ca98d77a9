/** Mean, deviation and principal components of a training set's pixels: whole sums, then float64, the same everywhere. */
import { setImmediate as turn } from "node:timers/promises";
import type { PixelStatistics } from "../config/pixel-statistics.js";
import { deriveKey, permutation } from "../random.js";
import type { Dataset } from "./dataset.js";

/** Of a larger training set a sample is enough: all of MNIST's and CIFAR's images are within these bounds. */
const MOST_IMAGES = 60_000;
const MOST_PIXELS = 2 ** 27;
/** Images that are read in parallel. */
const CHUNK = 64;

/**
 * Over all training images, or over a fixed sample where there are more than 60,000 or they are very large. A channel
 * without any variation has the deviation 1. A data set with published constants (image-folder) brings its own.
 */
export async function pixelStatistics(
  { shape, train, statistics }: Dataset,
  signal?: AbortSignal,
): Promise<PixelStatistics> {
  if (statistics) return statistics;
  const [height, width, channels] = shape;
  const images = Math.max(1, Math.min(train.count, MOST_IMAGES, Math.floor(MOST_PIXELS / (height * width))));
  const chosen =
    images === train.count
      ? Uint32Array.from({ length: images }, (_, index) => index)
      : permutation(deriveKey(0, "pixel statistics"), train.count).subarray(0, images);
  const sums = new Float64Array(channels);
  const products = new Float64Array(channels * channels);
  const pixels = new Uint8Array(CHUNK * height * width * channels);
  for (let start = 0; start < images; start += CHUNK) {
    const indices = chosen.subarray(start, start + CHUNK);
    await train.copyImages(indices, pixels);
    await turn(); // a Ctrl-C is heard in between
    signal?.throwIfAborted();
    add(pixels.subarray(0, indices.length * height * width * channels), channels, sums, products);
  }
  return fromSums(images * height * width, channels, sums, products);
}

/** Sums stay whole numbers below 2^53, so their order does not matter. `products`: the upper triangle, row by row. */
function add(pixels: Uint8Array, channels: number, sums: Float64Array, products: Float64Array): void {
  if (channels === 3) return addColors(pixels, sums, products);
  for (let at = 0; at < pixels.length; at += channels)
    for (let channel = 0; channel < channels; channel++) {
      const value = pixels[at + channel]!;
      sums[channel]! += value;
      products[channel * channels + channel]! += value * value;
    }
}

function addColors(pixels: Uint8Array, sums: Float64Array, products: Float64Array): void {
  let [r, g, b, rr, rg, rb, gg, gb, bb] = [0, 0, 0, 0, 0, 0, 0, 0, 0];
  for (let at = 0; at < pixels.length; at += 3) {
    const red = pixels[at]!;
    const green = pixels[at + 1]!;
    const blue = pixels[at + 2]!;
    r += red;
    g += green;
    b += blue;
    rr += red * red;
    rg += red * green;
    rb += red * blue;
    gg += green * green;
    gb += green * blue;
    bb += blue * blue;
  }
  [r, g, b].forEach((sum, at) => {
    sums[at]! += sum;
  });
  [rr, rg, rb, 0, gg, gb, 0, 0, bb].forEach((sum, at) => {
    products[at]! += sum;
  });
}

function fromSums(count: number, channels: number, sums: Float64Array, products: Float64Array): PixelStatistics {
  const mean = Array.from(sums, (sum) => sum / count);
  const covariance = (a: number, b: number) => {
    const [low, high] = a <= b ? [a, b] : [b, a];
    return (products[low * channels + high]! / count - mean[a]! * mean[b]!) / 255 ** 2;
  };
  return {
    mean: mean.map((value) => value / 255),
    deviation: mean.map((_, channel) => {
      const variance = covariance(channel, channel);
      return variance > 1e-12 ? Math.sqrt(variance) : 1;
    }),
    principal:
      channels === 3 ? principalComponents([0, 1, 2].map((a) => [0, 1, 2].map((b) => covariance(a, b)))) : null,
  };
}

/** Jacobi's rotations of a symmetric 3x3 matrix, until nothing is left beside the diagonal. */
export function principalComponents(symmetric: readonly (readonly number[])[]): PixelStatistics["principal"] {
  const a = symmetric.map((row) => [...row]);
  const v = [0, 1, 2].map((row) => [0, 1, 2].map((column) => (row === column ? 1 : 0)));
  for (let sweep = 0; sweep < 30; sweep++)
    for (const [p, q] of [
      [0, 1],
      [0, 2],
      [1, 2],
    ] as const)
      rotate(a, v, p, q);
  const order = [0, 1, 2].sort((one, other) => a[other]![other]! - a[one]![one]!);
  const vector = (index: number) => {
    const column = v.map((row) => row[index]!);
    const largest = column.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best));
    return column.map((value) => (largest < 0 ? -value : value)) as [number, number, number];
  };
  return {
    values: order.map((index) => Math.max(0, a[index]![index]!)) as [number, number, number],
    vectors: order.map(vector) as [[number, number, number], [number, number, number], [number, number, number]],
  };
}

/** Makes a[p][q] zero; `v` collects the rotations, its columns become the eigenvectors. */
function rotate(a: number[][], v: number[][], p: number, q: number): void {
  const off = a[p]![q]!;
  if (off === 0) return;
  const theta = (a[q]![q]! - a[p]![p]!) / (2 * off);
  const t = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
  const c = 1 / Math.sqrt(t * t + 1);
  const s = t * c;
  const mix = (matrix: number[][], row: number) => {
    const [x, y] = [matrix[row]![p]!, matrix[row]![q]!];
    matrix[row]![p] = c * x - s * y;
    matrix[row]![q] = s * x + c * y;
  };
  for (let row = 0; row < 3; row++) mix(a, row);
  for (let column = 0; column < 3; column++) {
    const [x, y] = [a[p]![column]!, a[q]![column]!];
    a[p]![column] = c * x - s * y;
    a[q]![column] = s * x + c * y;
  }
  a[p]![q] = 0;
  a[q]![p] = 0;
  for (let row = 0; row < 3; row++) mix(v, row);
}
