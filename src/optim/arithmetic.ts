/**
 * Powers and the half cosine from multiplications and additions alone. IEEE 754 rounds those exactly, so that a rate has
 * the same bits under every version of Node; Math.pow and Math.cos promise no such thing.
 */

/** base^exponent for a whole exponent of 0 or more, by squaring. */
export function integerPower(base: number, exponent: number): number {
  let power = 1;
  let square = base;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power *= square;
    square *= square;
  }
  return power;
}

/** cos(pi * x) for x in [0, 1], to about 1e-16; exactly 1, 0 and -1 at 0, 1/2 and 1. */
export function cosPi(x: number): number {
  if (x > 0.5) return -cosPi(1 - x);
  const angle = Math.PI * (x > 0.25 ? 0.5 - x : x);
  const square = angle * angle;
  // Taylor's series, innermost term first; at pi / 4 what is left out is below 1e-17.
  let sum = 1;
  if (x > 0.25) {
    for (let factor = 16; factor >= 2; factor -= 2) sum = 1 - (sum * square) / (factor * (factor + 1));
    return angle * sum;
  }
  for (let factor = 15; factor >= 1; factor -= 2) sum = 1 - (sum * square) / (factor * (factor + 1));
  return sum;
}
