/** Learning-rate schedules: pure functions of the step, and of the evaluations for `plateau`. */
import { cosPi, integerPower } from "./arithmetic.js";

export interface ScheduleConfig {
  lr: number;
  lrScheduler: "constant" | "step" | "cosine" | "plateau";
  /** Epochs between two cuts of `step`. */
  lrStepSize: number;
  lrGamma: number;
  /** Evaluations without improvement before `plateau` cuts. */
  lrPatience: number;
  /** Epochs of linear warm-up. */
  lrWarmupEpochs: number;
}

/** What `plateau` remembers between evaluations. */
export interface ScheduleState {
  /** Product of the cuts so far; 1 at the start. */
  factor: number;
  /** Lowest loss seen. */
  best: number | null;
  /** Evaluations since the last improvement or cut. */
  waited: number;
}

export const NEW_SCHEDULE: ScheduleState = { factor: 1, best: null, waited: 0 };

/**
 * The rate of the step that comes after `step` commits. Warm-up is linear from lr/n to lr over its n steps (Goyal et al.
 * 2017, section 2.2); the schedule's own clock starts with the training, as theirs does. Cosine: Loshchilov & Hutter
 * 2017, equation 5, to zero over the steps after the warm-up.
 */
export function learningRate(
  config: ScheduleConfig,
  at: { step: number; stepsPerEpoch: number; totalSteps: number; schedule: ScheduleState },
): number {
  const warmup = Math.round(config.lrWarmupEpochs * at.stepsPerEpoch);
  if (at.step < warmup) return (config.lr * (at.step + 1)) / warmup;
  switch (config.lrScheduler) {
    case "constant":
      return config.lr;
    case "step": {
      const cuts = Math.floor(Math.floor(at.step / at.stepsPerEpoch) / config.lrStepSize);
      return config.lr * integerPower(config.lrGamma, cuts);
    }
    case "cosine": {
      const progress = (at.step - warmup) / Math.max(1, at.totalSteps - warmup);
      return config.lr * 0.5 * (1 + cosPi(Math.min(1, progress)));
    }
    case "plateau":
      return config.lr * at.schedule.factor;
  }
}

/** A loss lower by this share counts as an improvement (PyTorch's ReduceLROnPlateau, threshold 1e-4, relative). */
const THRESHOLD = 1e-4;

/** The schedule's memory after an evaluation; changes only for `plateau`. */
export function afterEvaluation(config: ScheduleConfig, state: ScheduleState, loss: number): ScheduleState {
  if (config.lrScheduler !== "plateau") return state;
  if (state.best === null || loss < state.best * (1 - THRESHOLD)) return { ...state, best: loss, waited: 0 };
  if (state.waited + 1 <= config.lrPatience) return { ...state, waited: state.waited + 1 };
  return { ...state, factor: state.factor * config.lrGamma, waited: 0 };
}
