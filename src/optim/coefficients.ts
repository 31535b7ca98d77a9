/** What an update rule multiplies by in a step, worked out once in double; the rules take each rounded to float32. */
import { integerPower } from "./arithmetic.js";
import type { OptimizerConfig } from "./optimizer.js";

/** Named for what they do in the rules (optimizers.ts); those that a rule does not use are there all the same. */
export interface Coefficients {
  /** The learning rate; for adam divided by 1 - beta1^step. */
  lr: number;
  /** L2 of the weight added to the gradient. */
  decay: number;
  /** Of the gradient, from clipping its norm. */
  scale: number;
  /** Of the old velocity. */
  mu: number;
  /** Of the old and of the new value in the first moving mean, and in the second. */
  keep1: number;
  take1: number;
  keep2: number;
  take2: number;
  epsilon: number;
  /** Of the root of the second mean: 1 over the root of 1 - beta2^step. */
  correction: number;
  /** Of the old weight, for decoupled weight decay. */
  keepWeight: number;
}

/** `step` is 1 for the first update. `decayed`: whether weight decay holds for these parameters. */
export function coefficientsOf(
  config: OptimizerConfig,
  { lr, step, scale, decayed }: { lr: number; step: number; scale: number; decayed: boolean },
): Coefficients {
  const weightDecay = decayed ? config.weightDecay : 0;
  const common = { scale, mu: config.momentum, epsilon: config.epsilon, keepWeight: 1, correction: 1 };
  switch (config.name) {
    case "adam":
    case "adamw": {
      const decoupled = config.name === "adamw";
      return {
        ...common,
        lr: lr / (1 - integerPower(config.beta1, step)),
        decay: decoupled ? 0 : weightDecay,
        keep1: config.beta1,
        take1: 1 - config.beta1,
        keep2: config.beta2,
        take2: 1 - config.beta2,
        correction: 1 / Math.sqrt(1 - integerPower(config.beta2, step)),
        keepWeight: decoupled ? 1 - lr * weightDecay : 1,
      };
    }
    default:
      return { ...common, lr, decay: weightDecay, keep1: 0, take1: 0, keep2: config.rho, take2: 1 - config.rho };
  }
}
