/** The elements of largest magnitude alone (Stich et al. 2018, arXiv:1809.07599): values, then their indices, ascending. */
import type { Compressor } from "./compressor.js";

/** A magnitude is the 31 bits of a float32 without its sign: 16 for the first count, 15 for the second. */
const HIGH = 16;
const LOW = 31 - HIGH;
const MAGNITUDE = 0x7fff_ffff;

/** `ratio` of a bucket's elements, in (0, 1]; at least one. Of equal ones the first count as larger. NaN is above infinity. */
export function topk(ratio: number): Compressor {
  const high = new Uint32Array(1 << HIGH);
  const low = new Uint32Array(1 << LOW);
  const countOf = (size: number) => Math.max(1, Math.round(ratio * size));
  return {
    bytesOf: (size) => 8 * countOf(size),
    compress(gradient, residual, rest, sent) {
      const count = sent.byteLength / 8;
      const values = new Float32Array(sent.buffer, sent.byteOffset, count);
      const indices = new Uint32Array(sent.buffer, sent.byteOffset + 4 * count, count);
      for (let index = 0; index < rest.length; index++) rest[index] = gradient[index]! + residual[index]!;
      const bits = new Int32Array(rest.buffer, rest.byteOffset, rest.length);
      const { least, equal } = thresholdOf(bits, count, high, low);
      let taken = 0;
      let ties = equal;
      for (let index = 0; index < bits.length; index++) {
        const magnitude = bits[index]! & MAGNITUDE;
        if (magnitude < least || (magnitude === least && ties-- <= 0)) continue;
        values[taken] = rest[index]!;
        indices[taken++] = index;
        rest[index] = 0;
      }
    },
    accepts(sent, size) {
      const count = countOf(size);
      if (sent.byteLength !== 8 * count) return false;
      const indices = wordsOf(sent).subarray(count);
      let previous = -1;
      for (const index of indices) {
        if (index <= previous || index >= size) return false;
        previous = index;
      }
      return true;
    },
    decompress(sent, values) {
      const words = wordsOf(sent);
      const count = words.length / 2;
      const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
      bits.fill(0);
      for (let at = 0; at < count; at++) bits[words[count + at]!] = words[at]!;
    },
  };
}

/** The magnitude of the `count`-th largest, and how many of those that equal it are taken. Two counts of its digits find it. */
function thresholdOf(
  bits: Int32Array,
  count: number,
  high: Uint32Array,
  low: Uint32Array,
): { least: number; equal: number } {
  high.fill(0);
  low.fill(0);
  for (let index = 0; index < bits.length; index++) high[(bits[index]! & MAGNITUDE) >>> LOW]!++;
  const upper = digitOf(high, count);
  for (let index = 0; index < bits.length; index++) {
    const magnitude = bits[index]! & MAGNITUDE;
    if (magnitude >>> LOW === upper.digit) low[magnitude & ((1 << LOW) - 1)]!++;
  }
  const lower = digitOf(low, upper.left);
  return { least: upper.digit * 2 ** LOW + lower.digit, equal: lower.left };
}

/** The digit of the `count`-th largest, and how many of those with that digit are among the `count` largest. */
function digitOf(counts: Uint32Array, count: number): { digit: number; left: number } {
  let left = count;
  let digit = counts.length - 1;
  while (left > counts[digit]!) left -= counts[digit--]!;
  return { digit, left };
}

/** A view where the bytes lie at a multiple of four, else a copy. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  if (bytes.byteOffset % 4 === 0) return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  return new Uint32Array(new Uint8Array(bytes).buffer);
}
