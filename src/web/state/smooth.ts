/** Moving averages of curves. Pure. */

/**
 * The exponential moving average, `weight` of it the past, from 0 to below 1 a step. It does not lean to its first value (as Adam's
 * moments, Kingma & Ba 2015, arXiv:1412.6980, section 3). `counts`: steps that each value stands for.
 */
export function smoothed(values: readonly number[], counts: readonly number[], weight: number): number[] {
  let sum = 0;
  let known = 0;
  return values.map((value, index) => {
    const past = weight ** (counts[index] ?? 1);
    sum = past * sum + (1 - past) * value;
    known = past * known + (1 - past);
    return sum / known;
  });
}
