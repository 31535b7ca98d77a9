/** IEEE 754 binary16: 11 bits of precision, up to 65,504, and subnormal numbers down to 2^-24. */
import type { Compressor } from "./compressor.js";
import { halfPrecision } from "./half.js";

const INFINITE = 0x7c00;
const LARGEST = 0x7bff;
const QUIET = 0x200;
/** Float32 bits of infinity; of 65,520, from which on numbers round to more than the largest; of 2^-14, the least normal. */
const FLOAT_INFINITE = 0x7f80_0000;
const TOO_LARGE = 0x477f_f000;
const LEAST_NORMAL = 0x3880_0000;
/** Difference of the exponents' biases, 127 - 15, where a float32 has its exponent. */
const REBIAS = 112 << 23;

export const fp16 = (): Compressor =>
  halfPrecision({
    dropped: 13,
    least: LEAST_NORMAL,
    limit: TOO_LARGE,
    rebias: REBIAS,
    round(bits) {
      const sign = (bits >>> 16) & 0x8000;
      const size = bits & 0x7fff_ffff;
      if (size >= FLOAT_INFINITE) return sign | INFINITE | (size > FLOAT_INFINITE ? QUIET : 0);
      if (size >= TOO_LARGE) return sign | LARGEST;
      if (size >= LEAST_NORMAL) return sign | ((size - REBIAS + 0xfff + ((size >>> 13) & 1)) >>> 13);
      return sign | subnormal(size);
    },
    widen(bits) {
      const sign = (bits & 0x8000) << 16;
      const exponent = bits & INFINITE;
      const fraction = bits & 0x3ff;
      if (exponent === INFINITE) return sign | FLOAT_INFINITE | (fraction << 13);
      if (exponent !== 0) return sign | (((bits & 0x7fff) << 13) + REBIAS);
      if (fraction === 0) return sign;
      // A subnormal number is a normal float32: its leading bit becomes the hidden one.
      const shift = Math.clz32(fraction) - 21;
      return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
    },
  });

/** Multiples of 2^-24: the float32's digits, with its hidden one, shifted right and rounded to even. */
function subnormal(size: number): number {
  const shift = 126 - (size >>> 23); // of a number below 2^-14, so at least 14
  if (shift > 24) return 0; // at most half of 2^-24
  const digits = (size & 0x007f_ffff) | 0x0080_0000;
  const half = 1 << (shift - 1);
  const odd = (digits >>> shift) & 1;
  return (digits + half - 1 + odd) >>> shift;
}
