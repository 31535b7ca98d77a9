// Sums of squares of elements 0, 1, 2 and 3 modulo 4, in double, over all blocks of a pass. A loop keeps them in registers:
// it takes them, adds, and puts them back.
import { add, high, low, mul } from "./lanes";

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
    a = add(a, mul(low(g), low(g)));
    b = add(b, mul(high(g), high(g)));
  }
  putSquares(a, b);
}

export function totalOfSquares(): f64 {
  const pair = add(even, odd);
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
}
