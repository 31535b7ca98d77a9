/** A PNG's size and end, by its chunks (PNG specification, third edition, section 5). Pure. */
import type { Header } from "./header.js";

const SIGNATURE_BYTES = 8;
/** Length and type before a chunk's data, a checksum behind them. */
const FRAME_BYTES = 12;
const CUT: Header = { fault: "it is a PNG that was cut short" };

/** From chunk to chunk to the last one; what is appended behind it is not seen. */
export function readPng(file: Buffer): Header {
  let size: Header | null = null;
  let data = false;
  for (let at = SIGNATURE_BYTES; at + 8 <= file.byteLength; ) {
    const length = file.readUInt32BE(at);
    const type = file.toString("latin1", at + 4, at + 8);
    const right = size === null ? type === "IHDR" && length === 13 : type !== "IEND" || length === 0;
    if (!right || !/^[A-Za-z]{4}$/.test(type)) return { fault: `it is a damaged PNG (no chunk at byte ${at})` };
    if (type === "IEND") return size !== null && data ? size : { fault: "it is a PNG without image data" };
    const next = at + FRAME_BYTES + length;
    if (next > file.byteLength) break;
    if (type === "IHDR") size = { width: file.readUInt32BE(at + 8), height: file.readUInt32BE(at + 12) };
    if (type === "IDAT") data = true;
    at = next;
  }
  return CUT;
}
