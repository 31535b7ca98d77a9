import { crc32, inflateSync } from "node:zlib";

/** A PNG of 8 bits, gray or RGB, by the specification's chapters 5, 9 and 12: not by the code that writes them. */
export function decodePng(file: Uint8Array): { width: number; height: number; channels: number; pixels: Uint8Array } {
  const bytes = Buffer.from(file);
  const parts = new Map<string, Buffer>();
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const body = bytes.subarray(at + 4, at + 8 + length);
    if (bytes.readUInt32BE(at + 8 + length) !== crc32(body)) throw new Error("a chunk's sum is wrong");
    parts.set(body.toString("latin1", 0, 4), body.subarray(4));
    at += 12 + length;
  }
  const header = parts.get("IHDR")!;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const channels = header[9] === 2 ? 3 : 1;
  const lines = inflateSync(parts.get("IDAT")!);
  const line = width * channels;
  const pixels = new Uint8Array(height * line);
  for (let row = 0; row < height; row++) {
    const filter = lines[row * (line + 1)]!;
    for (let at = 0; at < line; at++) {
      const a = at < channels ? 0 : pixels[row * line + at - channels]!;
      const b = row === 0 ? 0 : pixels[(row - 1) * line + at]!;
      const c = at < channels || row === 0 ? 0 : pixels[(row - 1) * line + at - channels]!;
      const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
      const paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      pixels[row * line + at] = lines[row * (line + 1) + 1 + at]! + [0, a, b, (a + b) >> 1, paeth][filter]!;
    }
  }
  return { width, height, channels, pixels };
}
