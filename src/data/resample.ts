/** Bilinear resizing of a part of an image. Pure; only arithmetic that every machine rounds alike. */

export interface Region {
  top: number;
  left: number;
  height: number;
  width: number;
}

/** uint8, row by row, channels together. */
export interface Raster {
  pixels: Uint8Array;
  height: number;
  width: number;
  channels: number;
}

/**
 * Resizes `region` of `from` to `size` and puts the part of that which is `window` into `to` at row `top`, column `left`.
 * Pixel centres are at halves; where it shrinks, the filter widens with the scale, so that every pixel counts (what PIL and
 * torchvision do). Pixels outside of the region are not seen.
 */
export function resample(
  from: Raster,
  region: Region,
  size: { height: number; width: number },
  window: Region,
  to: Raster,
  { top, left }: { top: number; left: number } = { top: 0, left: 0 },
): void {
  const { channels } = from;
  const across = tapsOf(region.width, size.width, window.left, window.width);
  const down = tapsOf(region.height, size.height, window.top, window.height);
  const firstRow = down.first[0]!;
  const rows = down.first[window.height - 1]! + down.counts[window.height - 1]! - firstRow;
  const line = window.width * channels;
  const narrow = new Float32Array(rows * line);
  for (let row = 0; row < rows; row++) {
    const start = ((region.top + firstRow + row) * from.width + region.left) * channels;
    for (let column = 0; column < window.width; column++) {
      const count = across.counts[column]!;
      const weights = column * across.most;
      for (let channel = 0; channel < channels; channel++) {
        let at = start + across.first[column]! * channels + channel;
        let sum = 0;
        for (let tap = 0; tap < count; tap++, at += channels) sum += across.weights[weights + tap]! * from.pixels[at]!;
        narrow[row * line + column * channels + channel] = sum;
      }
    }
  }
  for (let row = 0; row < window.height; row++) {
    const count = down.counts[row]!;
    const weights = row * down.most;
    const source = (down.first[row]! - firstRow) * line;
    const target = ((top + row) * to.width + left) * channels;
    for (let at = 0; at < line; at++) {
      let sum = 0;
      for (let tap = 0; tap < count; tap++) sum += down.weights[weights + tap]! * narrow[source + tap * line + at]!;
      to.pixels[target + at] = Math.round(sum);
    }
  }
}

interface Taps {
  first: Int32Array;
  counts: Int32Array;
  /** `most` for each place, of which `counts` are used; they add up to one. */
  weights: Float64Array;
  most: number;
}

/** For each of `count` places from `start` of a line resized from `size` to `resized`: which pixels it sees, how much. */
function tapsOf(size: number, resized: number, start: number, count: number): Taps {
  const step = size / resized;
  const reach = Math.max(1, step);
  const most = Math.ceil(2 * reach) + 2;
  const taps = {
    first: new Int32Array(count),
    counts: new Int32Array(count),
    weights: new Float64Array(count * most),
    most,
  };
  for (let index = 0; index < count; index++) {
    const center = (start + index + 0.5) * step;
    const first = Math.min(size - 1, Math.max(0, Math.floor(center - reach + 0.5)));
    const end = Math.min(size, Math.max(first + 1, Math.floor(center + reach + 0.5)));
    let sum = 0;
    for (let at = first; at < end; at++) {
      const weight = Math.max(0, 1 - Math.abs(at + 0.5 - center) / reach);
      taps.weights[index * most + at - first] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < end - first; tap++) taps.weights[index * most + tap]! /= sum;
    taps.first[index] = first;
    taps.counts[index] = end - first;
  }
  return taps;
}

/** The size whose short side is `short`, of the same aspect ratio. */
export function withShortSide(height: number, width: number, short: number): { height: number; width: number } {
  const scale = short / Math.min(height, width);
  return {
    height: height <= width ? short : Math.max(short, Math.round(height * scale)),
    width: width <= height ? short : Math.max(short, Math.round(width * scale)),
  };
}

/** The middle of an image; the odd row or column stays at the end. */
export function middleOf(height: number, width: number, rows: number, columns: number): Region {
  return {
    top: Math.floor((height - rows) / 2),
    left: Math.floor((width - columns) / 2),
    height: rows,
    width: columns,
  };
}
