// src/optim/optimizers.ts in SIMD: the same operations on doubles in the same order, so both give the same bits. A rule
// works on `bytes` bytes, a multiple of 16, and so on up to three elements beyond a range; the caller leaves room.
import { add, div, high, low, mul, root, rounded, sub } from "./lanes";

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
function decayed(gradient: v128, weight: v128): v128 {
  return add(mul(gradient, scale), mul(decay, weight));
}

export function sgd(bytes: usize, gradient: usize, weights: usize, out: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const w = v128.load(weights + at);
    const w0 = sub(low(w), mul(lr, decayed(low(g), low(w))));
    const w1 = sub(high(w), mul(lr, decayed(high(g), high(w))));
    v128.store(out + at, rounded(w0, w1));
  }
}

function heavyBall(velocity: v128, gradient: v128, weight: v128): v128 {
  return add(add(mul(mu, velocity), mul(gradient, scale)), mul(decay, weight));
}

export function momentum(bytes: usize, gradient: usize, weights: usize, out: usize, slot: usize, slotOut: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const w = v128.load(weights + at);
    const v = v128.load(slot + at);
    const v0 = heavyBall(low(v), low(g), low(w));
    const v1 = heavyBall(high(v), high(g), high(w));
    v128.store(slotOut + at, rounded(v0, v1));
    v128.store(out + at, rounded(sub(low(w), mul(lr, v0)), sub(high(w), mul(lr, v1))));
  }
}

export function nesterov(bytes: usize, gradient: usize, weights: usize, out: usize, slot: usize, slotOut: usize): void {
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const w = v128.load(weights + at);
    const v = v128.load(slot + at);
    const g0 = decayed(low(g), low(w));
    const g1 = decayed(high(g), high(w));
    const v0 = add(mul(mu, low(v)), g0);
    const v1 = add(mul(mu, high(v)), g1);
    v128.store(slotOut + at, rounded(v0, v1));
    const w0 = sub(low(w), mul(lr, add(g0, mul(mu, v0))));
    const w1 = sub(high(w), mul(lr, add(g1, mul(mu, v1))));
    v128.store(out + at, rounded(w0, w1));
  }
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
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const w = v128.load(weights + at);
    const m = v128.load(slot1 + at);
    const v = v128.load(slot2 + at);
    const g0 = decayed(low(g), low(w));
    const g1 = decayed(high(g), high(w));
    const m0 = mean(low(m), g0);
    const m1 = mean(high(m), g1);
    const v0 = meanSquare(low(v), g0);
    const v1 = meanSquare(high(v), g1);
    v128.store(slot1Out + at, rounded(m0, m1));
    v128.store(slot2Out + at, rounded(v0, v1));
    v128.store(out + at, rounded(adamStep(low(w), m0, v0), adamStep(high(w), m1, v1)));
  }
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
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(gradient + at);
    const w = v128.load(weights + at);
    const s = v128.load(slot1 + at);
    const v = v128.load(slot2 + at);
    const g0 = decayed(low(g), low(w));
    const g1 = decayed(high(g), high(w));
    const s0 = meanSquare(low(s), g0);
    const s1 = meanSquare(high(s), g1);
    const v0 = normalised(low(v), g0, s0);
    const v1 = normalised(high(v), g1, s1);
    v128.store(slot1Out + at, rounded(s0, s1));
    v128.store(slot2Out + at, rounded(v0, v1));
    v128.store(out + at, rounded(sub(low(w), mul(lr, v0)), sub(high(w), mul(lr, v1))));
  }
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
