import type { Fingerprint } from "../config/fingerprint.js";
import type { PixelStatistics } from "../config/pixel-statistics.js";
import type { Recipe } from "../config/recipe.js";
import type { ScheduleState } from "../optim/schedule.js";
import type { Layout } from "../parameters/layout.js";

/** As `weights` and `state` of a snapshot. */
export interface Averages {
  weights: Float32Array;
  state: Float32Array;
}

export interface BestMetric {
  accuracy: number;
  loss: number;
  epoch: number;
  step: number;
}

/** A run at the moment after a commit: everything that it needs to go on, whatever machines it ran on. */
export interface Snapshot {
  recipe: Recipe;
  recipeSha256: string;
  /** Height, width, channels of an image as the network takes it, and the classes in the order of the logits. */
  image: readonly [height: number, width: number, channels: number];
  classNames: readonly string[];
  /** Of the training set, where the recipe uses them (normalisation, colour noise). */
  pixelStatistics: PixelStatistics | null;
  /** Of the workers that computed it; null before the first has joined, and in checkpoints that do not say. */
  fingerprint: Fingerprint | null;
  layout: Layout;
  /** Steps committed so far; also the version of these weights. */
  step: number;
  /** 0-based epoch of the next step, and its place in that epoch. */
  epoch: number;
  stepInEpoch: number;
  schedule: ScheduleState;
  best: BestMetric | null;
  /** Mean loss of the last step; null before the first. */
  loss: number | null;
  /** True once the epoch before `epoch` was evaluated (a stop can fall between an epoch's last step and its evaluation). */
  evaluated: boolean;
  /** Flat, as the layout says. The arrays are views of buffers that are used again two commits later: copy or write them before. */
  weights: Float32Array;
  state: Float32Array;
  slots: Readonly<Record<string, Float32Array>>;
  /** The moving average of weights and state; null in a run without one, and where a run with one has not begun. */
  ema: Averages | null;
  /**
   * What each shard had kept back of its gradients, flat as `weights`; none in a run without compression, and where a run
   * with it has not begun.
   */
  residuals: readonly Float32Array[];
}
