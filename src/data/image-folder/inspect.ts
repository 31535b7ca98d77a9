/** Whether a file is an image that was written to its end, from its bytes, without decoding it. Pure. */

const JPEG = [0xff, 0xd8, 0xff];
const PNG = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const START_OF_SCAN = Buffer.from([0xff, 0xda]);
const END_OF_IMAGE = Buffer.from([0xff, 0xd9]);

/**
 * What is wrong with it, or null. In a JPEG's coded data neither marker can occur, so the end of the image comes after the
 * last start of a scan unless the file was cut; previews have theirs before.
 */
export function imageFault(file: Buffer): string | null {
  if (file.byteLength === 0) return "it is empty";
  const starts = (magic: readonly number[]) => magic.every((byte, at) => file[at] === byte);
  if (starts(JPEG)) {
    const scan = file.lastIndexOf(START_OF_SCAN);
    if (scan < 0) return "it is a JPEG without image data";
    return file.indexOf(END_OF_IMAGE, scan) < 0 ? "it is a JPEG that was cut short" : null;
  }
  if (starts(PNG)) return file.lastIndexOf("IEND", undefined, "latin1") < 0 ? "it is a PNG that was cut short" : null;
  const first = Array.from(file.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `it is neither JPEG nor PNG (it begins with ${first})`;
}
