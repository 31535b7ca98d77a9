// Sums of squares of elements 0, 1, 2 and 3 modulo 4, in double, over all blocks of a pass. A loop keeps them in registers:
// it takes them, adds, and puts them back.

/** Elements 0 and 1 of four, as doubles. */
export function low(four: v128): v128 {
  return f64x2.promote_low_f32x4(four);
}

/** Elements 2 and 3. */
export function high(four: v128): v128 {
  return f64x2.promote_low_f32x4(v128.shuffle<f64>(four, four, 1, 0));
}

/** The sum with the squares of two doubles added. */
export function squared(sum: v128, pair: v128): v128 {
  return f64x2.add(sum, f64x2.mul(pair, pair));
}
let even: v128 = f64x2.splat(0);
let odd: v128 = f64x2.splat(0);

/** Of elements 0 and 1. */
export function evenSquares(): v128 {
  return even;
}

/** Of elements 2 and 3. */
export function oddSquares(): v128 {
  return odd;
}

export function putSquares(a: v128, b: v128): void {
  even = a;
  odd = b;
}

export function addSquares(block: usize, bytes: usize): void {
  let a = even;
  let b = odd;
  for (let at: usize = 0; at < bytes; at += 16) {
    const g = v128.load(block + at);
    a = squared(a, low(g));
    b = squared(b, high(g));
  }
  putSquares(a, b);
}

export function totalOfSquares(): f64 {
  const pair = f64x2.add(even, odd);
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
}
