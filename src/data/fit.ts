/** An image of any size to one of a fixed size: its short side resized, its centre cut out. Pure. */
import type { ImageShape } from "../models/spec.js";
import { middleOf, resample } from "./resample.js";

/** The aspect ratio stays. `pixels`: uint8, row by row, channels together, as the result; `to` receives it if given. */
export function fitImage(
  { pixels, height, width }: { pixels: Uint8Array; height: number; width: number },
  [rows, columns, channels]: ImageShape,
  to: Uint8Array = new Uint8Array(rows * columns * channels),
): Uint8Array {
  if (height === rows && width === columns) {
    to.set(pixels);
    return to;
  }
  const scale = Math.max(rows / height, columns / width);
  const size = {
    height: Math.max(rows, Math.round(height * scale)),
    width: Math.max(columns, Math.round(width * scale)),
  };
  resample(
    { pixels, height, width, channels },
    { top: 0, left: 0, height, width },
    size,
    middleOf(size.height, size.width, rows, columns),
    { pixels: to, height: rows, width: columns, channels },
  );
  return to;
}
