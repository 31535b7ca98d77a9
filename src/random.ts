/**
 * Counter-based random numbers: Philox 4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2,
 * 3", SC 2011, section 3.3). A number is a function of (key, position) alone, so any process can draw any part of a
 * sequence, in any order.
 */
export type Key = readonly [low: number, high: number];

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** Upper 32 bits of the product of two unsigned 32-bit numbers. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const carry = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(carry / 65536)) >>> 0;
}

/** Ten rounds over `out` (four uint32, the counter, replaced by the result). */
export function philox(out: Uint32Array, key: Key): void {
  let [c0, c1, c2, c3] = out as unknown as [number, number, number, number];
  let k0 = key[0] >>> 0;
  let k1 = key[1] >>> 0;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(M0, c0);
    const low0 = Math.imul(M0, c0) >>> 0;
    const high1 = mulHigh(M1, c2);
    const low1 = Math.imul(M1, c2) >>> 0;
    c0 = (high1 ^ c1 ^ k0) >>> 0;
    c1 = low1;
    c2 = (high0 ^ c3 ^ k1) >>> 0;
    c3 = low0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[0] = c0;
  out[1] = c1;
  out[2] = c2;
  out[3] = c3;
}

/** A key for a purpose: the seed and a path such as ("dropout", step, shard), mixed by Philox itself. */
export function deriveKey(seed: number, ...path: readonly (string | number)[]): Key {
  const state = new Uint32Array(4);
  let key: Key = [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];
  for (const part of path) {
    const words = typeof part === "number" ? [part >>> 0, Math.floor(part / 2 ** 32) >>> 0] : wordsOf(part);
    // Type and length come first, so that no two paths give the same sequence of words.
    state.set([typeof part === "number" ? 1 : 2, words.length, 0, 0]);
    philox(state, key);
    for (let at = 0; at < words.length; at += 2) {
      state[0] = (state[0]! ^ words[at]!) >>> 0;
      state[1] = (state[1]! ^ (words[at + 1] ?? 0)) >>> 0;
      philox(state, key);
    }
    key = [state[0]!, state[1]!];
  }
  return key;
}

function wordsOf(text: string): number[] {
  const bytes = new TextEncoder().encode(text);
  const words: number[] = [];
  for (let at = 0; at < bytes.length; at += 4) {
    words.push(
      ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>>
        0,
    );
  }
  words.push(bytes.length);
  return words;
}

/** `count` uniform uint32, from position `start` of the key's sequence. */
export function integers(key: Key, count: number, start = 0): Uint32Array {
  const out = new Uint32Array(count);
  const block = new Uint32Array(4);
  let filled = 0;
  for (let index = Math.floor(start / 4); filled < count; index++) {
    block[0] = index >>> 0;
    block[1] = Math.floor(index / 2 ** 32) >>> 0;
    block[2] = 0;
    block[3] = 0;
    philox(block, key);
    for (let lane = filled === 0 ? start % 4 : 0; lane < 4 && filled < count; lane++) out[filled++] = block[lane]!;
  }
  return out;
}

/** Uniform in [0, 1): the upper 24 bits, so that every value is a float32. */
export function uniforms(key: Key, count: number, start = 0): Float32Array {
  const bits = integers(key, count, start);
  const out = new Float32Array(count);
  for (let index = 0; index < count; index++) out[index] = (bits[index]! >>> 8) / 2 ** 24;
  return out;
}

/**
 * Standard normal, by Box & Muller 1958, in pairs. V8 computes log, sin and cos by its own port of fdlibm, not by the
 * machine's library, so the values are the same on every processor.
 */
export function normals(key: Key, count: number, start = 0): Float32Array {
  const first = start - (start % 2);
  const pairs = Math.ceil((start + count - first) / 2);
  const bits = integers(key, pairs * 2, first);
  const out = new Float32Array(count);
  for (let pair = 0; pair < pairs; pair++) {
    const radius = Math.sqrt(-2 * Math.log((bits[2 * pair]! + 1) / 2 ** 32));
    const angle = (2 * Math.PI * bits[2 * pair + 1]!) / 2 ** 32;
    const at = first + 2 * pair - start;
    if (at >= 0) out[at] = radius * Math.cos(angle);
    if (at + 1 < count) out[at + 1] = radius * Math.sin(angle);
  }
  return out;
}

/** A uniform permutation of 0 … n-1 (Fisher & Yates, Durstenfeld's form; the bias of the modulo is below n / 2^32). */
export function permutation(key: Key, n: number): Uint32Array {
  const out = Uint32Array.from({ length: n }, (_, index) => index);
  const draws = integers(key, n);
  for (let last = n - 1; last > 0; last--) {
    const other = draws[last]! % (last + 1);
    const held = out[last]!;
    out[last] = out[other]!;
    out[other] = held;
  }
  return out;
}
