// Four float32 elements as two pairs of doubles, and back: the update rules compute in double and round when they store.

/** Elements 0 and 1. */
export function low(four: v128): v128 {
  return f64x2.promote_low_f32x4(four);
}

/** Elements 2 and 3. */
export function high(four: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f64>(four, four, 1, 0));
}

/** Both pairs rounded to float32. */
export function rounded(first: v128, second: v128): v128 {
  return v128.shuffle<f64>(f32x4.demote_f64x2_zero(first), f32x4.demote_f64x2_zero(second), 0, 2);
}

export function add(a: v128, b: v128): v128 {
  return f64x2.add(a, b);
}

export function sub(a: v128, b: v128): v128 {
  return f64x2.sub(a, b);
}

export function mul(a: v128, b: v128): v128 {
  return f64x2.mul(a, b);
}

export function div(a: v128, b: v128): v128 {
  return f64x2.div(a, b);
}

export function root(a: v128): v128 {
  return f64x2.sqrt(a);
}
