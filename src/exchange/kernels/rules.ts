// src/optim/optimizers.ts in SIMD: the same operations on doubles in the same order, so both give the same bits; in the
// same loop the gradient's squares are added, for a third of what a loop of its own would cost. Coefficients are taken before
// a loop, or they would be loaded in each turn of it. A rule works on `bytes` bytes, a multiple of 16, and so on up to three
// elements beyond a range; the caller leaves room.
import { add, div, high, low, mul, root, rounded, sub } from "./lanes";
import { evenSquares, oddSquares, putSquares } from "./squares";

/** Coefficients of a step, each in both lanes; src/exchange/bank.ts fills them in this order. */
let lr: v128 = f64x2.splat(0);
let decay: v128 = f64x2.splat(0);
let scale: v128 = f64x2.splat(0);
let mu: v128 = f64x2.splat(0);
let keep1: v128 = f64x2.splat(0);
let take1: v128 = f64x2.splat(0);
let keep2: v128 = f64x2.splat(0);
let take2: v128 = f64x2.splat(0);
let epsilon: v128 = f64x2.splat(0);
let correction: v128 = f64x2.splat(0);
let keepWeight: v128 = f64x2.splat(0);

export function useCoefficients(at: usize): void {
  lr = v128.load64_splat(at);
  decay = v128.load64_splat(at, 8);
  scale = v128.load64_splat(at, 16);
  mu = v128.load64_splat(at, 24);
  keep1 = v128.load64_splat(at, 32);
  take1 = v128.load64_splat(at, 40);
  keep2 = v128.load64_splat(at, 48);
  take2 = v128.load64_splat(at, 56);
  epsilon = v128.load64_splat(at, 64);
  correction = v128.load64_splat(at, 72);
  keepWeight = v128.load64_splat(at, 80);
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
    const g0 = low(g);
    const g1 = high(g);
    const w0 = low(w);
    const w1 = high(w);
    a = add(a, mul(g0, g0));
    b = add(b, mul(g1, g1));
    const new0 = sub(w0, mul(rate, decayed(g0, w0, by, l2)));
    const new1 = sub(w1, mul(rate, decayed(g1, w1, by, l2)));
    v128.store(out + at, rounded(new0, new1));
  }
  putSquares(a, b);
}

function heavyBall(velocity: v128, gradient: v128, weight: v128, keep: v128, by: v128, l2: v128): v128 {
  return add(add(mul(keep, velocity), mul(gradient, by)), mul(l2, weight));
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
    const g0 = low(g);
    const g1 = high(g);
    const w0 = low(w);
    const w1 = high(w);
    a = add(a, mul(g0, g0));
    b = add(b, mul(g1, g1));
    const v = v128.load(slot + at);
    const v0 = heavyBall(low(v), g0, w0, keep, by, l2);
    const v1 = heavyBall(high(v), g1, w1, keep, by, l2);
    v128.store(slotOut + at, rounded(v0, v1));
    v128.store(out + at, rounded(sub(w0, mul(rate, v0)), sub(w1, mul(rate, v1))));
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
    const g0 = low(g);
    const g1 = high(g);
    const w0 = low(w);
    const w1 = high(w);
    a = add(a, mul(g0, g0));
    b = add(b, mul(g1, g1));
    const v = v128.load(slot + at);
    const sum0 = decayed(g0, w0, by, l2);
    const sum1 = decayed(g1, w1, by, l2);
    const v0 = add(mul(keep, low(v)), sum0);
    const v1 = add(mul(keep, high(v)), sum1);
    v128.store(slotOut + at, rounded(v0, v1));
    const new0 = sub(w0, mul(rate, add(sum0, mul(keep, v0))));
    const new1 = sub(w1, mul(rate, add(sum1, mul(keep, v1))));
    v128.store(out + at, rounded(new0, new1));
  }
  putSquares(a, b);
}

function mean(old: v128, gradient: v128): v128 {
  return add(mul(keep1, old), mul(take1, gradient));
}

function meanSquare(old: v128, gradient: v128): v128 {
  return add(mul(keep2, old), mul(mul(take2, gradient), gradient));
}

function adamStep(weight: v128, m: v128, v: v128): v128 {
  return sub(mul(keepWeight, weight), div(mul(lr, m), add(div(root(v), correction), epsilon)));
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
  let a = evenSquares();
  let b = oddSquares();
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const w = v128.load(weights + at);
    const g0 = low(g);
    const g1 = high(g);
    const w0 = low(w);
    const w1 = high(w);
    a = add(a, mul(g0, g0));
    b = add(b, mul(g1, g1));
    const m = v128.load(slot1 + at);
    const v = v128.load(slot2 + at);
    const sum0 = decayed(g0, w0, by, l2);
    const sum1 = decayed(g1, w1, by, l2);
    const m0 = mean(low(m), sum0);
    const m1 = mean(high(m), sum1);
    const v0 = meanSquare(low(v), sum0);
    const v1 = meanSquare(high(v), sum1);
    v128.store(slot1Out + at, rounded(m0, m1));
    v128.store(slot2Out + at, rounded(v0, v1));
    v128.store(out + at, rounded(adamStep(w0, m0, v0), adamStep(w1, m1, v1)));
  }
  putSquares(a, b);
}

function normalised(velocity: v128, gradient: v128, square: v128): v128 {
  return add(mul(mu, velocity), div(gradient, add(root(square), epsilon)));
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
  let a = evenSquares();
  let b = oddSquares();
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const w = v128.load(weights + at);
    const g0 = low(g);
    const g1 = high(g);
    const w0 = low(w);
    const w1 = high(w);
    a = add(a, mul(g0, g0));
    b = add(b, mul(g1, g1));
    const s = v128.load(slot1 + at);
    const v = v128.load(slot2 + at);
    const sum0 = decayed(g0, w0, by, l2);
    const sum1 = decayed(g1, w1, by, l2);
    const s0 = meanSquare(low(s), sum0);
    const s1 = meanSquare(high(s), sum1);
    const v0 = normalised(low(v), sum0, s0);
    const v1 = normalised(high(v), sum1, s1);
    v128.store(slot1Out + at, rounded(s0, s1));
    v128.store(slot2Out + at, rounded(v0, v1));
    v128.store(out + at, rounded(sub(w0, mul(lr, v0)), sub(w1, mul(lr, v1))));
  }
  putSquares(a, b);
}

/** src/optim/average.ts. */
export function averaged(bytes: usize, weights: usize, from: usize, to: usize, keep: f64, take: f64): void {
  const k = f64x2.splat(keep);
  const t = f64x2.splat(take);
  for (let at: usize = 0; at < bytes; at += 16) {
    const a = v128.load(from + at);
    const w = v128.load(weights + at);
    const a0 = add(mul(k, low(a)), mul(t, low(w)));
    const a1 = add(mul(k, high(a)), mul(t, high(w)));
    v128.store(to + at, rounded(a0, a1));
  }
}
