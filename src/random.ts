/**
 * Counter-based random numbers: Philox 4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as easy as 1, 2,
 * 3", SC 2011, section 3.3). A number is a function of (key, position) alone, so any process can draw any part of a
 * sequence, in any order. Everything here is made of operations that IEEE 754 rounds exactly (no Math.log, Math.cos):
 * V8 has changed the last bit of those between versions, and the same seed must mean the same network everywhere.
 */
export type Key = readonly [low: number, high: number];

const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/**
 * Ten rounds over each block of four words of `out`, in place: a block goes in as its counter and comes out as four
 * uniform uint32. The 64-bit products are built from 16-bit halves, in int32 arithmetic, which V8 compiles to plain
 * machine code: about 10 ns a word.
 */
export function philox(out: Uint32Array, key: Key): void {
  for (let at = 0; at + 3 < out.length; at += 4) {
    let c0 = out[at]! | 0;
    let c1 = out[at + 1]! | 0;
    let c2 = out[at + 2]! | 0;
    let c3 = out[at + 3]! | 0;
    let k0 = key[0] | 0;
    let k1 = key[1] | 0;
    for (let round = 0; round < 10; round++) {
      // 0xd2511f53 * c0
      const aLow = c0 & 0xffff;
      const aHigh = c0 >>> 16;
      const a0 = Math.imul(0x1f53, aLow);
      const a1 = (Math.imul(0xd251, aLow) + (a0 >>> 16)) | 0;
      const a2 = (Math.imul(0x1f53, aHigh) + (a1 & 0xffff)) | 0;
      const a3 = (Math.imul(0xd251, aHigh) + (a1 >>> 16) + (a2 >>> 16)) | 0;
      // 0xcd9e8d57 * c2
      const bLow = c2 & 0xffff;
      const bHigh = c2 >>> 16;
      const b0 = Math.imul(0x8d57, bLow);
      const b1 = (Math.imul(0xcd9e, bLow) + (b0 >>> 16)) | 0;
      const b2 = (Math.imul(0x8d57, bHigh) + (b1 & 0xffff)) | 0;
      const b3 = (Math.imul(0xcd9e, bHigh) + (b1 >>> 16) + (b2 >>> 16)) | 0;
      c0 = b3 ^ c1 ^ k0;
      c1 = (b2 << 16) | (b0 & 0xffff);
      c2 = a3 ^ c3 ^ k1;
      c3 = (a2 << 16) | (a0 & 0xffff);
      k0 = (k0 + W0) | 0;
      k1 = (k1 + W1) | 0;
    }
    out[at] = c0;
    out[at + 1] = c1;
    out[at + 2] = c2;
    out[at + 3] = c3;
  }
}

/**
 * A key for a purpose: the seed (0 to 2^53 - 1) and a path such as ("dropout", step, shard), mixed by Philox itself: each
 * part is absorbed block by block under the key so far, and the result is the next key.
 */
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

/** Words drawn at a time: the scratch stays in the processor's first cache. */
const CHUNK = 4096;

/** Calls `take(words, from, to, at)`: words `from` to `to` are the sequence's numbers `start + at` and following. */
function draw(
  key: Key,
  count: number,
  start: number,
  take: (words: Uint32Array, from: number, to: number, at: number) => void,
): void {
  const skip = start % 4;
  const total = count + skip;
  const words = new Uint32Array(Math.min(CHUNK, Math.ceil(total / 4) * 4));
  for (let done = 0; done < total; done += words.length) {
    let block = (start - skip + done) / 4;
    for (let at = 0; at < words.length; at += 4, block++) {
      words[at] = block;
      words[at + 1] = block / 2 ** 32;
      words[at + 2] = 0;
      words[at + 3] = 0;
    }
    philox(words, key);
    const from = done === 0 ? skip : 0;
    take(words, from, Math.min(words.length, total - done), done + from - skip);
  }
}

/** `count` uniform uint32, from position `start` of the key's sequence. */
export function integers(key: Key, count: number, start = 0): Uint32Array {
  const out = new Uint32Array(count);
  draw(key, count, start, (words, from, to, at) => out.set(words.subarray(from, to), at));
  return out;
}

/** Uniform in [0, 1): the upper 24 bits, so that every value is a float32. */
export function uniforms(key: Key, count: number, start = 0): Float32Array {
  const out = new Float32Array(count);
  draw(key, count, start, (words, from, to, at) => {
    for (let index = from, to32 = at; index < to; index++) out[to32++] = (words[index]! >>> 8) / 2 ** 24;
  });
  return out;
}

/** Standard normal: each word's own quantile, up to 6.3 deviations from the mean, rounded to float32. */
export function normals(key: Key, count: number, start = 0): Float32Array {
  const out = new Float32Array(count);
  draw(key, count, start, (words, from, to, at) => fillQuantiles(words, from, to, out, at));
  return out;
}

/**
 * The normal quantile of (word + 1/2) / 2^32: algorithm AS 241 (PPND16) of Wichura 1988, Applied Statistics 37(3), pages
 * 477-484, relative error below 1e-15. Its third range (probabilities under e^-25) is out of a 32-bit word's reach.
 */
function fillQuantiles(words: Uint32Array, from: number, to: number, out: Float32Array, at: number): void {
  for (let index = from; index < to; index++) {
    const word = words[index]!;
    const q = (word + 0.5) / 2 ** 32 - 0.5;
    if (q >= -0.425 && q <= 0.425) {
      const r = 0.180625 - q * q;
      let above = 2509.0809287301227;
      above = above * r + 33430.57558358813;
      above = above * r + 67265.7709270087;
      above = above * r + 45921.95393154987;
      above = above * r + 13731.69376550946;
      above = above * r + 1971.5909503065513;
      above = above * r + 133.14166789178438;
      above = above * r + 3.3871328727963665;
      let below = 5226.495278852854;
      below = below * r + 28729.085735721943;
      below = below * r + 39307.89580009271;
      below = below * r + 21213.794301586597;
      below = below * r + 5394.196021424751;
      below = below * r + 687.1870074920579;
      below = below * r + 42.31333070160091;
      below = below * r + 1;
      out[at++] = (q * above) / below;
    } else {
      const r = Math.sqrt(minusLog(q < 0 ? word : ~word >>> 0)) - 1.6;
      let above = 0.0007745450142783414;
      above = above * r + 0.022723844989269184;
      above = above * r + 0.2417807251774506;
      above = above * r + 1.2704582524523684;
      above = above * r + 3.6478483247632045;
      above = above * r + 5.769497221460691;
      above = above * r + 4.630337846156546;
      above = above * r + 1.4234371107496835;
      let below = 1.0507500716444169e-9;
      below = below * r + 0.0005475938084995345;
      below = below * r + 0.015198666563616457;
      below = below * r + 0.14810397642748008;
      below = below * r + 0.6897673349851;
      below = below * r + 1.6763848301838038;
      below = below * r + 2.053191626637759;
      below = below * r + 1;
      out[at++] = q < 0 ? -above / below : above / below;
    }
  }
}

/**
 * -ln((word + 1/2) / 2^32) to about 1e-16: ln m = 2 artanh((m - 1) / (m + 1)) for m between 0.7 and 1.42, by 11 terms of
 * its series.
 */
function minusLog(word: number): number {
  const odd = 2 * word + 1; // over 2^33; `word` is below 2^29 in the tails
  let exponent = 32 - Math.clz32(word);
  let m = odd / (1 << exponent);
  if (m > Math.SQRT2) {
    m /= 2;
    exponent++;
  }
  const s = (m - 1) / (m + 1);
  const x = s * s;
  let series = 1 / 21;
  series = series * x + 1 / 19;
  series = series * x + 1 / 17;
  series = series * x + 1 / 15;
  series = series * x + 1 / 13;
  series = series * x + 1 / 11;
  series = series * x + 1 / 9;
  series = series * x + 1 / 7;
  series = series * x + 1 / 5;
  series = series * x + 1 / 3;
  series = series * x + 1;
  return (33 - exponent) * Math.LN2 - 2 * s * series;
}

/** A uniform permutation of 0 … n-1 (Fisher & Yates, Durstenfeld's form; the bias of the remainder is below n / 2^53). */
export function permutation(key: Key, n: number): Uint32Array {
  const out = new Uint32Array(n);
  for (let index = 0; index < n; index++) out[index] = index;
  const draws = integers(key, 2 * n);
  for (let last = n - 1; last > 0; last--) {
    const draw53 = draws[2 * last]! * 2 ** 21 + (draws[2 * last + 1]! >>> 11);
    const other = draw53 % (last + 1);
    const held = out[last]!;
    out[last] = out[other]!;
    out[other] = held;
  }
  return out;
}
