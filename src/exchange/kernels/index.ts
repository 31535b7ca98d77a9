// One pass over a bucket, block by block while each block is in the cache: add the parts, sum their squares, apply the
// optimizer's rule. Vectors lie in memory that JavaScript lays out; nothing is allocated here. `bytes` is a multiple of 16.
import { BLOCK, reduced } from "./reduce";
import { adam, averaged, momentum, nesterov, rmsprop, sgd, useCoefficients } from "./rules";
import { addSquares, evenSquares, oddSquares, putSquares, totalOfSquares } from "./squares";

/** Numbers of the rules, as src/exchange/bank.ts has them. */
const SGD: i32 = 0;
const MOMENTUM: i32 = 1;
const NESTEROV: i32 = 2;
const ADAM: i32 = 3;
const RMSPROP: i32 = 4;

/** Writes the sum of the parts to `to`. */
export function add(program: usize, length: i32, parts: usize, scratch: usize, bytes: usize, to: usize): void {
  for (let from: usize = 0; from < bytes; from += BLOCK) {
    const size = min(BLOCK, bytes - from);
    memory.copy(to + from, reduced(program, length, parts, scratch, from, size), size);
  }
}

/** The sum of squares of the parts' sum: clipping needs it of all buckets before any is updated. */
export function sumOfSquares(program: usize, length: i32, parts: usize, scratch: usize, bytes: usize): f64 {
  putSquares(f64x2.splat(0), f64x2.splat(0));
  for (let from: usize = 0; from < bytes; from += BLOCK) {
    const size = min(BLOCK, bytes - from);
    addSquares(reduced(program, length, parts, scratch, from, size), size);
  }
  return totalOfSquares();
}

/**
 * Adds the parts and applies a rule, and averages the new weights if there is an `average`; returns the sum of the
 * gradient's squares. `ranges`: for each range of elements with
 * coefficients of its own, the byte at which it ends and the address of its coefficients, 4 bytes each; ascending. A rule
 * may write up to three elements into the next range, which then writes them again, since no rule reads what it wrote.
 */
export function update(
  rule: i32,
  program: usize,
  length: i32,
  parts: usize,
  scratch: usize,
  bytes: usize,
  ranges: usize,
  weights: usize,
  out: usize,
  slot1: usize,
  slot1Out: usize,
  slot2: usize,
  slot2Out: usize,
  average: usize,
  averageOut: usize,
  keep: f32,
  take: f32,
): f64 {
  putSquares(f64x2.splat(0), f64x2.splat(0));
  let range = ranges;
  let rangeEnd: usize = 0;
  let loaded: usize = 0;
  for (let from: usize = 0; from < bytes; from += BLOCK) {
    const end = min(from + BLOCK, bytes);
    const block = reduced(program, length, parts, scratch, from, end - from);
    // A rule adds the squares of what it reads, which is more than its elements where ranges meet: not in such a block.
    const meeting = <usize>load<u32>(range) < end;
    if (meeting) addSquares(block, end - from);
    const a = evenSquares();
    const b = oddSquares();
    let at = from;
    while (at < end) {
      rangeEnd = <usize>load<u32>(range);
      const set = <usize>load<u32>(range + 4);
      if (set !== loaded) {
        useCoefficients(set);
        loaded = set;
      }
      const until = min(rangeEnd, end);
      const size = (until - at + 15) & ~15;
      const g = block + (at - from);
      if (rule === SGD) sgd(size, g, weights + at, out + at);
      else if (rule === MOMENTUM) momentum(size, g, weights + at, out + at, slot1 + at, slot1Out + at);
      else if (rule === NESTEROV) nesterov(size, g, weights + at, out + at, slot1 + at, slot1Out + at);
      else if (rule === ADAM)
        adam(size, g, weights + at, out + at, slot1 + at, slot1Out + at, slot2 + at, slot2Out + at);
      else if (rule === RMSPROP)
        rmsprop(size, g, weights + at, out + at, slot1 + at, slot1Out + at, slot2 + at, slot2Out + at);
      else unreachable();
      if (until === rangeEnd) range += 8;
      at = until;
    }
    if (meeting) putSquares(a, b);
    if (average !== 0) averaged(end - from, out + from, average + from, averageOut + from, keep, take);
  }
  return totalOfSquares();
}
