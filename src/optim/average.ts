/**
 * The exponential moving average (EMA) of the weights: Polyak & Juditsky 1992, in the form of torch.optim.swa_utils
 * (`get_ema_multi_avg_fn`) and torchvision's ExponentialMovingAverage. Each operation is rounded to float32, as there;
 * the kernels of src/exchange are held to it, bit for bit.
 */

/** What the old average and the new weights are multiplied by. */
export interface AverageShares {
  keep: number;
  take: number;
}

/** Of the commit of `step`, 1 for the first: after that one the average is the weights themselves, as in AveragedModel. */
export function averageShares(decay: number, step: number): AverageShares {
  return step === 1 ? { keep: 0, take: 1 } : { keep: decay, take: 1 - decay };
}

/** `to` = keep * `from` + take * `weights`, element by element; three vectors of one length. */
export function average(
  from: Float32Array,
  weights: Float32Array,
  to: Float32Array,
  { keep, take }: AverageShares,
): void {
  const f = Math.fround;
  const kept = f(keep);
  const taken = f(take);
  for (let index = 0; index < to.length; index++) to[index] = f(kept * from[index]!) + f(taken * weights[index]!);
}
