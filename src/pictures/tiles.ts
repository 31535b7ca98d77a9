/** Small images from numbers: kernels, feature maps, the images of a data set. Pure. */
import type { Raster } from "./drawing.js";

export type ImageShape = readonly [height: number, width: number, channels: number];

/** An image as the data set has it (uint8, channels together). One channel is gray, three are RGB; of others the first counts. */
export function photo(pixels: Uint8Array, [height, width, channels]: ImageShape): Raster {
  const rgb = new Uint8Array(3 * height * width);
  for (let at = 0; at < height * width; at++)
    for (let channel = 0; channel < 3; channel++)
      rgb[3 * at + channel] = pixels[at * channels + (channels === 3 ? channel : 0)]!;
  return { width, height, pixels: rgb };
}

/**
 * Values [height, width, channels] stretched from their own least and largest to black and white: three channels as RGB,
 * one as gray. Where all are equal, a middle gray.
 */
export function stretched(values: ArrayLike<number>, [height, width, channels]: ImageShape): Raster {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let at = 0; at < values.length; at++) {
    least = Math.min(least, values[at]!);
    most = Math.max(most, values[at]!);
  }
  const range = most - least;
  const bytes = Uint8Array.from(values, (value) => (range > 0 ? Math.round((255 * (value - least)) / range) : 128));
  return photo(bytes, [height, width, channels]);
}

/** To that many pixels: repeated where there are more of them, averaged where there are fewer. */
export function resized(image: Raster, width: number, height: number): Raster {
  if (image.width === width && image.height === height) return image;
  const pixels = new Uint8Array(3 * width * height);
  const columns = Array.from({ length: width }, (_, at) => sources(at, width, image.width));
  for (let row = 0; row < height; row++) {
    const [top, bottom] = sources(row, height, image.height);
    for (const [column, [left, right]] of columns.entries())
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let y = top; y < bottom; y++)
          for (let x = left; x < right; x++) sum += image.pixels[3 * (y * image.width + x) + channel]!;
        pixels[3 * (row * width + column) + channel] = Math.round(sum / ((bottom - top) * (right - left)));
      }
  }
  return { width, height, pixels };
}

/** The pixels of `from` that pixel `at` of `to` stands for: one at least. */
function sources(at: number, to: number, from: number): [number, number] {
  const first = Math.floor((at * from) / to);
  return [first, Math.max(first + 1, Math.floor(((at + 1) * from) / to))];
}

/** Half of each image, and half of the other. */
export function blended(below: Raster, above: Raster, share = 0.5): Raster {
  const over = resized(above, below.width, below.height);
  const pixels = below.pixels.map((value, at) => Math.round(value + share * (over.pixels[at]! - value)));
  return { ...below, pixels };
}
