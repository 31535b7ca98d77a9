/** Optimizers as arithmetic on flat float32 vectors; the coordinator calls them bucket by bucket. */

export type OptimizerName = "sgd" | "momentum" | "nesterov" | "adam" | "adamw" | "rmsprop";

export interface OptimizerConfig {
  name: OptimizerName;
  /** For momentum, nesterov and rmsprop. */
  momentum: number;
  /** L2 added to the gradient; decoupled for adamw. */
  weightDecay: number;
  beta1: number;
  beta2: number;
  /** rmsprop's smoothing constant. */
  rho: number;
  epsilon: number;
}

/** Elements `offset` to `offset + size` of the flat vector of weights. */
export interface Span {
  offset: number;
  size: number;
}

/** One half of the double buffer: the weights and the optimizer's vectors, all of one length. */
export interface Buffers {
  weights: Float32Array;
  slots: Readonly<Record<string, Float32Array>>;
}

export interface Optimizer {
  readonly config: OptimizerConfig;
  /** Names of the vectors that it keeps beside the weights, e.g. ["m", "v"]. */
  readonly slotNames: readonly string[];
  /**
   * Reads elements `start` to `end` (exclusive) of `from`, and of `gradients` at the same place minus `gradientOffset`,
   * and writes the same elements of `to`. `step` is 1 for the first update; `scale` multiplies the gradient first (global
   * norm clipping, loss scale). Deterministic, elementwise.
   */
  apply(update: {
    from: Buffers;
    to: Buffers;
    gradients: Float32Array;
    gradientOffset: number;
    start: number;
    end: number;
    lr: number;
    step: number;
    scale: number;
  }): void;
}
