/** What bf16 and fp16 have in common: two bytes an element, rounded block by block. Pure. */
import type { Compressor } from "./compressor.js";

/** A number format of 16 bits; both work on the bits of numbers. */
export interface HalfFormat {
  /**
   * Nearest, ties to even, of a float32. A finite number stays finite: what is too large becomes the largest. NaN and
   * infinities pass.
   */
  round(float32Bits: number): number;
  /** The same number as a float32. */
  widen(halfBits: number): number;
}

/** Elements: a block and its roundings stay in the first-level cache. */
const BLOCK = 1024;

export function halfPrecision({ round, widen }: HalfFormat): Compressor {
  return {
    bytesOf: (size) => 2 * size,
    compress(gradient, residual, rest, sent) {
      const half = halvesOf(sent);
      const sum = new Float32Array(BLOCK);
      const rounded = new Float32Array(BLOCK);
      const sumBits = new Uint32Array(sum.buffer);
      const roundedBits = new Uint32Array(rounded.buffer);
      for (let from = 0; from < half.length; from += BLOCK) {
        const count = Math.min(BLOCK, half.length - from);
        for (let index = 0; index < count; index++) sum[index] = gradient[from + index]! + residual[from + index]!;
        for (let index = 0; index < count; index++) {
          const bits = round(sumBits[index]!);
          half[from + index] = bits;
          roundedBits[index] = widen(bits);
        }
        for (let index = 0; index < count; index++) rest[from + index] = sum[index]! - rounded[index]!;
      }
    },
    accepts: (sent, size) => sent.byteLength === 2 * size,
    decompress(sent, values) {
      const half = halvesOf(sent);
      const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
      for (let index = 0; index < half.length; index++) bits[index] = widen(half[index]!);
    },
  };
}

/** A view where the bytes lie at an even place, else a copy. */
function halvesOf(bytes: Uint8Array): Uint16Array {
  if (bytes.byteOffset % 2 === 0) return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  return new Uint16Array(new Uint8Array(bytes).buffer);
}
