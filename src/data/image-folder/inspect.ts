/** Whether a file is an image that was written to its end, from its bytes, without decoding it. Pure. */
import { foreignFile, imageFormat } from "../../image-format.js";

const START_OF_SCAN = Buffer.from([0xff, 0xda]);
const END_OF_IMAGE = Buffer.from([0xff, 0xd9]);

/**
 * What is wrong with it, or null. In a JPEG's coded data neither marker can occur, so the end of the image comes after the
 * last start of a scan unless the file was cut; previews have theirs before.
 */
export function imageFault(file: Buffer): string | null {
  const format = imageFormat(file);
  if (format === null) return foreignFile(file);
  if (format === "PNG")
    return file.lastIndexOf("IEND", undefined, "latin1") < 0 ? "it is a PNG that was cut short" : null;
  const scan = file.lastIndexOf(START_OF_SCAN);
  if (scan < 0) return "it is a JPEG without image data";
  return file.indexOf(END_OF_IMAGE, scan) < 0 ? "it is a JPEG that was cut short" : null;
}
