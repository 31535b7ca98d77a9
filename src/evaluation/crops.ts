/** Ten views of an image: its four corners and its centre, and their mirrors (Krizhevsky et al. 2012, section 4.1). */
import { UsageError } from "../errors.js";
import type { ImageShape } from "../models/spec.js";

export interface View {
  top: number;
  left: number;
  mirrored: boolean;
}

/** UsageError `ten-crop` unless the image is larger than the crop in one direction at least, and smaller in none. */
export function tenViews([height, width]: ImageShape, [cropHeight, cropWidth]: ImageShape): View[] {
  const [down, right] = [height - cropHeight, width - cropWidth];
  if (down < 0 || right < 0 || (down === 0 && right === 0))
    throw new UsageError(
      "ten-crop",
      `--ten-crop needs images larger than the network's: the network takes ${cropHeight}x${cropWidth}, the images are ${height}x${width}. Evaluate without it, or on images stored larger.`,
    );
  const corners = [
    [0, 0],
    [0, right],
    [down, 0],
    [down, right],
    [Math.floor(down / 2), Math.floor(right / 2)],
  ] as const;
  return [false, true].flatMap((mirrored) => corners.map(([top, left]) => ({ top, left, mirrored })));
}

/** Cuts the same view out of `count` images, uint8 NHWC. */
export function cutView(pixels: Uint8Array, from: ImageShape, view: View, to: ImageShape): Uint8Array {
  const [height, width, channels] = from;
  const [rows, columns] = to;
  const count = pixels.length / (height * width * channels);
  const out = new Uint8Array(count * rows * columns * channels);
  for (let at = 0, line = 0; line < count * rows; line++) {
    const image = Math.floor(line / rows);
    const row = image * height + view.top + (line % rows);
    const start = (row * width + view.left) * channels;
    if (!view.mirrored) {
      out.set(pixels.subarray(start, start + columns * channels), at);
      at += columns * channels;
      continue;
    }
    for (let column = columns - 1; column >= 0; column--)
      for (let channel = 0; channel < channels; channel++) out[at++] = pixels[start + column * channels + channel]!;
  }
  return out;
}
