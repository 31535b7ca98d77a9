/** What bf16 and fp16 have in common: two bytes an element. Pure. */
import type { Compressor } from "./compressor.js";

/** A number format of 16 bits; all work on the bits of numbers. */
export interface HalfFormat {
  /** Of a float32's 23 digits, those that the format has not. */
  dropped: number;
  /** Magnitudes, as bits of a float32, from which on and below which rounding is dropping digits and nothing else. */
  least: number;
  limit: number;
  /** What the format's exponents have less than a float32's, where a float32 has its exponent. */
  rebias: number;
  /**
   * Nearest, ties to even, of a float32. A finite number stays finite: what is too large becomes the largest. NaN and
   * infinities pass.
   */
  round(float32Bits: number): number;
  /** The same number as a float32. */
  widen(halfBits: number): number;
}

export function halfPrecision({ dropped, least, limit, rebias, round, widen }: HalfFormat): Compressor {
  const belowHalf = (1 << (dropped - 1)) - 1;
  const kept = -(1 << dropped);
  const usual = limit - least;
  /** Of the bucket at hand; as long as the largest so far. */
  let rounded = new Float32Array(0);

  return {
    bytesOf: (size) => 2 * size,
    compress(gradient, residual, rest, sent) {
      const half = halvesOf(sent);
      const { length } = half;
      if (rounded.length < length) rounded = new Float32Array(length);
      const sums = new Int32Array(rest.buffer, rest.byteOffset, length);
      const roundedBits = new Int32Array(rounded.buffer);
      for (let index = 0; index < length; index++) rest[index] = gradient[index]! + residual[index]!;
      for (let index = 0; index < length; index++) {
        const bits = sums[index]!;
        const size = bits & 0x7fff_ffff;
        if ((size - least) >>> 0 < usual) {
          const nearest = (size + belowHalf + ((size >>> dropped) & 1)) & kept;
          half[index] = ((bits >>> 16) & 0x8000) | ((nearest - rebias) >>> dropped);
          roundedBits[index] = (bits & ~0x7fff_ffff) | nearest;
        } else {
          const other = round(bits);
          half[index] = other;
          roundedBits[index] = widen(other);
        }
      }
      for (let index = 0; index < length; index++) rest[index] = rest[index]! - rounded[index]!;
    },
    accepts: (sent, size) => sent.byteLength === 2 * size,
    decompress(sent, values) {
      const half = halvesOf(sent);
      const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
      for (let index = 0; index < half.length; index++) bits[index] = widen(half[index]!);
    },
  };
}

/** A view where the bytes lie at an even place, else a copy. */
function halvesOf(bytes: Uint8Array): Uint16Array {
  if (bytes.byteOffset % 2 === 0) return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  return new Uint16Array(new Uint8Array(bytes).buffer);
}
