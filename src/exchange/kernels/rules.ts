// src/optim/optimizers.ts in SIMD: the same operations on float32 in the same order, so both give the same bits; in the same
// loop the gradient's squares are added, for a third of what a loop of its own would cost. Coefficients are taken before a
// loop, or they would be loaded in each turn of it. A rule works on `bytes` bytes, a multiple of 16, and so on up to three
// elements beyond a range; the caller leaves room.
import { add, div, mul, root, sub } from "./lanes";
import { evenSquares, high, low, oddSquares, putSquares, squared } from "./squares";

/** Coefficients of a step, each in all lanes; src/exchange/bank.ts fills them in this order. */
let lr: v128 = f32x4.splat(0);
let decay: v128 = f32x4.splat(0);
let scale: v128 = f32x4.splat(0);
let mu: v128 = f32x4.splat(0);
let keep1: v128 = f32x4.splat(0);
let take1: v128 = f32x4.splat(0);
let keep2: v128 = f32x4.splat(0);
let take2: v128 = f32x4.splat(0);
let epsilon: v128 = f32x4.splat(0);
let correction: v128 = f32x4.splat(0);
let keepWeight: v128 = f32x4.splat(0);

export function useCoefficients(at: usize): void {
  lr = v128.load32_splat(at);
  decay = v128.load32_splat(at, 4);
  scale = v128.load32_splat(at, 8);
  mu = v128.load32_splat(at, 12);
  keep1 = v128.load32_splat(at, 16);
  take1 = v128.load32_splat(at, 20);
  keep2 = v128.load32_splat(at, 24);
  take2 = v128.load32_splat(at, 28);
  epsilon = v128.load32_splat(at, 32);
  correction = v128.load32_splat(at, 36);
  keepWeight = v128.load32_splat(at, 40);
}

/** The gradient as a rule sees it: scaled, with the L2 of the weight. */
function decayed(gradient: v128, weight: v128, by: v128, l2: v128): v128 {
  return add(mul(gradient, by), mul(l2, weight));
}

export function sgd(bytes: usize, gradient: usize, weights: usize, out: usize): void {
  const by = scale;
  const l2 = decay;
  const rate = lr;
  let a = evenSquares();
  let b = oddSquares();
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const w = v128.load(weights + at);
    a = squared(a, low(g));
    b = squared(b, high(g));
    v128.store(out + at, sub(w, mul(rate, decayed(g, w, by, l2))));
  }
  putSquares(a, b);
}

export function momentum(bytes: usize, gradient: usize, weights: usize, out: usize, slot: usize, slotOut: usize): void {
  const by = scale;
  const l2 = decay;
  const rate = lr;
  const keep = mu;
  let a = evenSquares();
  let b = oddSquares();
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const w = v128.load(weights + at);
    a = squared(a, low(g));
    b = squared(b, high(g));
    const v = add(mul(keep, v128.load(slot + at)), decayed(g, w, by, l2));
    v128.store(slotOut + at, v);
    v128.store(out + at, sub(w, mul(rate, v)));
  }
  putSquares(a, b);
}

export function nesterov(bytes: usize, gradient: usize, weights: usize, out: usize, slot: usize, slotOut: usize): void {
  const by = scale;
  const l2 = decay;
  const rate = lr;
  const keep = mu;
  let a = evenSquares();
  let b = oddSquares();
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const w = v128.load(weights + at);
    a = squared(a, low(g));
    b = squared(b, high(g));
    const sum = decayed(g, w, by, l2);
    const v = add(mul(keep, v128.load(slot + at)), sum);
    v128.store(slotOut + at, v);
    v128.store(out + at, sub(w, mul(rate, add(sum, mul(keep, v)))));
  }
  putSquares(a, b);
}

/** adam and adamw: slot 1 is m, slot 2 is v; they differ in their coefficients alone. */
export function adam(
  bytes: usize,
  gradient: usize,
  weights: usize,
  out: usize,
  slot1: usize,
  slot1Out: usize,
  slot2: usize,
  slot2Out: usize,
): void {
  const by = scale;
  const l2 = decay;
  const rate = lr;
  const oldMean = keep1;
  const newMean = take1;
  const oldSquare = keep2;
  const newSquare = take2;
  const least = epsilon;
  const correct = correction;
  const keep = keepWeight;
  let a = evenSquares();
  let b = oddSquares();
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const w = v128.load(weights + at);
    a = squared(a, low(g));
    b = squared(b, high(g));
    const sum = decayed(g, w, by, l2);
    const m = add(mul(oldMean, v128.load(slot1 + at)), mul(newMean, sum));
    const v = add(mul(oldSquare, v128.load(slot2 + at)), mul(mul(newSquare, sum), sum));
    v128.store(slot1Out + at, m);
    v128.store(slot2Out + at, v);
    const step = div(mul(rate, m), add(mul(root(v), correct), least));
    v128.store(out + at, sub(mul(keep, w), step));
  }
  putSquares(a, b);
}

/** Slot 1 is the mean of squares, slot 2 the velocity. */
export function rmsprop(
  bytes: usize,
  gradient: usize,
  weights: usize,
  out: usize,
  slot1: usize,
  slot1Out: usize,
  slot2: usize,
  slot2Out: usize,
): void {
  const by = scale;
  const l2 = decay;
  const rate = lr;
  const keep = mu;
  const oldSquare = keep2;
  const newSquare = take2;
  const least = epsilon;
  let a = evenSquares();
  let b = oddSquares();
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const w = v128.load(weights + at);
    a = squared(a, low(g));
    b = squared(b, high(g));
    const sum = decayed(g, w, by, l2);
    const s = add(mul(oldSquare, v128.load(slot1 + at)), mul(mul(newSquare, sum), sum));
    const v = add(mul(keep, v128.load(slot2 + at)), div(sum, add(root(s), least)));
    v128.store(slot1Out + at, s);
    v128.store(slot2Out + at, v);
    v128.store(out + at, sub(w, mul(rate, v)));
  }
  putSquares(a, b);
}

/** src/optim/average.ts. */
export function averaged(bytes: usize, weights: usize, from: usize, to: usize, keep: f32, take: f32): void {
  const k = f32x4.splat(keep);
  const t = f32x4.splat(take);
  for (let at: usize = 0; at < bytes; at += 16)
    v128.store(to + at, add(mul(k, v128.load(from + at)), mul(t, v128.load(weights + at))));
}
