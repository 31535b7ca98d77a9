/** An image of any size to one of a fixed size: its short side resized, its centre cut out. Pure. */
import type { ImageShape } from "../models/spec.js";

/**
 * Bilinear with half-pixel centres; where it shrinks, the filter widens with the scale, so that every pixel counts (what
 * PIL and torchvision do). The aspect ratio stays. `pixels`: uint8, row by row, channels together, as the result.
 */
export function fitImage(
  { pixels, height, width }: { pixels: Uint8Array; height: number; width: number },
  [rows, columns, channels]: ImageShape,
): Uint8Array {
  const scale = Math.max(rows / height, columns / width);
  const resizedHeight = Math.max(rows, Math.round(height * scale));
  const resizedWidth = Math.max(columns, Math.round(width * scale));
  const top = Math.floor((resizedHeight - rows) / 2);
  const left = Math.floor((resizedWidth - columns) / 2);
  const across = tapsOf(width, resizedWidth, left, columns);
  const down = tapsOf(height, resizedHeight, top, rows);
  const narrow = new Float32Array(height * columns * channels);
  for (let row = 0; row < height; row++)
    for (let column = 0; column < columns; column++) {
      const { first, weights } = across[column]!;
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let tap = 0; tap < weights.length; tap++)
          sum += weights[tap]! * pixels[(row * width + first + tap) * channels + channel]!;
        narrow[(row * columns + column) * channels + channel] = sum;
      }
    }
  const result = new Uint8Array(rows * columns * channels);
  const line = columns * channels;
  for (let row = 0; row < rows; row++) {
    const { first, weights } = down[row]!;
    for (let at = 0; at < line; at++) {
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap++) sum += weights[tap]! * narrow[(first + tap) * line + at]!;
      result[row * line + at] = Math.max(0, Math.min(255, Math.round(sum)));
    }
  }
  return result;
}

/** For each of `count` places from `start` of a line resized from `size` to `resized`: which pixels it sees, how much. */
function tapsOf(size: number, resized: number, start: number, count: number): { first: number; weights: number[] }[] {
  const step = size / resized;
  const reach = Math.max(1, step);
  return Array.from({ length: count }, (_, index) => {
    const center = (start + index + 0.5) * step;
    const first = Math.max(0, Math.floor(center - reach + 0.5));
    const end = Math.min(size, Math.floor(center + reach + 0.5));
    const raw = Array.from({ length: Math.max(1, end - first) }, (_, tap) =>
      Math.max(0, 1 - Math.abs(first + tap + 0.5 - center) / reach),
    );
    const sum = raw.reduce((total, weight) => total + weight, 0);
    return { first, weights: raw.map((weight) => weight / sum) };
  });
}
