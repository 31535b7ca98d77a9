/** bfloat16: the upper half of a float32, with its range and 8 bits of precision. */
import type { Compressor } from "./compressor.js";
import { halfPrecision } from "./half.js";

const INFINITE = 0x7f80;
const QUIET = 0x40;

/** From here on, in bits of a float32, numbers round to more than the largest. */
const TOO_LARGE = 0x7f7f_8000;

export const bf16 = (): Compressor =>
  halfPrecision({
    dropped: 16,
    least: 0,
    limit: TOO_LARGE,
    rebias: 0,
    round(bits) {
      if ((bits & 0x7f80_0000) === 0x7f80_0000) return (bits >>> 16) | ((bits & 0x007f_ffff) === 0 ? 0 : QUIET);
      const nearest = (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
      return (nearest & INFINITE) === INFINITE ? nearest - 1 : nearest;
    },
    widen: (bits) => bits << 16,
  });
