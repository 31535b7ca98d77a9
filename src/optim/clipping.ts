/** Clipping by the global norm of the gradient: pure arithmetic on float32 vectors. */

/** Elements whose squares are added before the next ones': a vector is added up segment by segment. */
export const SEGMENT = 2 ** 24;

/**
 * Sum of squares in double: in each segment four sums, of every fourth element, as vectorised kernels add them. The square
 * root of the sum over all buckets is the global norm.
 */
export function sumOfSquares(vector: Float32Array): number {
  let total = 0;
  for (let start = 0; start < vector.length; start += SEGMENT)
    total += squaresOf(vector.subarray(start, start + SEGMENT));
  return total;
}

function squaresOf(vector: Float32Array): number {
  const sums = [0, 0, 0, 0];
  for (let index = 0; index < vector.length; index++) sums[index & 3]! += vector[index]! * vector[index]!;
  return sums[0]! + sums[2]! + (sums[1]! + sums[3]!);
}

/** Pascanu et al. 2013, algorithm 1, as torch.nn.utils.clip_grad_norm_ has it: min(1, limit / (norm + 1e-6)). */
export function clipScale(norm: number, limit: number): number {
  return Math.min(1, limit / (norm + 1e-6));
}
