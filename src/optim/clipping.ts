/** Clipping by the global norm of the gradient: pure arithmetic on float32 vectors. */

/** Sum of squares in double, element after element; the square root of the sum over all buckets is the global norm. */
export function sumOfSquares(vector: Float32Array): number {
  let sum = 0;
  for (let index = 0; index < vector.length; index++) sum += vector[index]! * vector[index]!;
  return sum;
}

/** Pascanu et al. 2013, algorithm 1, as torch.nn.utils.clip_grad_norm_ has it: min(1, limit / (norm + 1e-6)). */
export function clipScale(norm: number, limit: number): number {
  return Math.min(1, limit / (norm + 1e-6));
}
