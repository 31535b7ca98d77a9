/** Whether a file is an image that was written to its end, and of what size, from its bytes, without decoding it. Pure. */
import { foreignFile, imageFormat } from "../../image-format.js";
import { readJpeg } from "./jpeg.js";
import { readPng } from "./png.js";

/** `pixels`: height * width. */
export type Inspected = { readonly fault: string } | { readonly fault: null; readonly pixels: number };

/**
 * Pillow warns of a decompression bomb from the same number on (MAX_IMAGE_PIXELS): a megabyte of a file can hold a thousand
 * times as much, and a decoder asks for all of it at once.
 */
export const MAX_PIXELS = 89_478_485;
/** A file is read whole to be hashed; no photograph, nor the video behind it, comes near. */
export const MAX_FILE_BYTES = 2 ** 28;

/** Reads only headers, and of a JPEG's coded data only where its markers are; what follows the image's end is not seen. */
export function inspectImage(file: Buffer): Inspected {
  const format = imageFormat(file);
  if (format === null) return { fault: foreignFile(file) };
  const found = format === "PNG" ? readPng(file) : readJpeg(file);
  if ("fault" in found) return found;
  const { height, width } = found;
  if (height === 0 || width === 0) return { fault: `it is a damaged ${format} (${width}x${height} pixels)` };
  const pixels = height * width;
  if (pixels <= MAX_PIXELS) return { fault: null, pixels };
  return { fault: `it has ${width}x${height} = ${pixels} pixels, more than ${MAX_PIXELS}: make it smaller` };
}
