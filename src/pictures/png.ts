/** Pixels as a PNG file (ISO/IEC 15948): 8 bits, RGB, or gray where every pixel is. Pure. */
import { crc32, deflateSync } from "node:zlib";
import type { Raster } from "./drawing.js";

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const COLOR = { gray: 0, rgb: 2 } as const;

export function encodePng(raster: Raster): Uint8Array {
  const { width, height } = raster;
  const gray = isGray(raster);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, gray ? COLOR.gray : COLOR.rgb], 8);
  const channels = gray ? 1 : 3;
  const bytes = gray ? raster.pixels.filter((_, at) => at % 3 === 0) : raster.pixels;
  return Buffer.concat([
    Buffer.from(SIGNATURE),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(filtered(bytes, height, width * channels, channels), { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function isGray({ pixels }: Raster): boolean {
  for (let at = 0; at < pixels.length; at += 3)
    if (pixels[at] !== pixels[at + 1] || pixels[at] !== pixels[at + 2]) return false;
  return true;
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.byteLength);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** Of each line, the filter whose differences are smallest together (the specification's section 12.8), before its bytes. */
function filtered(bytes: Uint8Array, height: number, line: number, step: number): Uint8Array {
  const result = new Uint8Array(height * (line + 1));
  const tried = new Uint8Array(line);
  const nothing = new Uint8Array(line);
  for (let row = 0; row < height; row++) {
    const now = bytes.subarray(row * line, (row + 1) * line);
    const above = row === 0 ? nothing : bytes.subarray((row - 1) * line, row * line);
    let least = Number.POSITIVE_INFINITY;
    for (const [filter, predict] of FILTERS.entries()) {
      let sum = 0;
      for (let at = 0; at < line; at++) {
        const left = at < step ? 0 : now[at - step]!;
        const corner = at < step ? 0 : above[at - step]!;
        const difference = (now[at]! - predict(left, above[at]!, corner)) & 255;
        tried[at] = difference;
        sum += difference < 128 ? difference : 256 - difference;
      }
      if (sum >= least) continue;
      least = sum;
      result[row * (line + 1)] = filter;
      result.set(tried, row * (line + 1) + 1);
    }
  }
  return result;
}

/** None, sub, up, average, Paeth: what is expected of a byte, from its left, upper and upper left neighbours. */
const FILTERS: readonly ((left: number, up: number, corner: number) => number)[] = [
  () => 0,
  (left) => left,
  (_, up) => up,
  (left, up) => (left + up) >> 1,
  (left, up, corner) => {
    const guess = left + up - corner;
    const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
    return a <= b && a <= c ? left : b <= c ? up : corner;
  },
];
