/**
 * What the training asks of those that compute. Membership implements it with processes that speak the protocol; memory
 * that processes share, or nodes that send one sum for several workers, fit behind it as well.
 */
import type { Span } from "../data/order.js";
import type { WeightsKind } from "../events.js";
import type { Layout } from "../parameters/layout.js";
import type { Range } from "../parameters/tree.js";

export interface Workers {
  /**
   * Has a piece of work computed and hands its results to it as they arrive; resolves with the work's result once all of
   * them are there. Rejects with StopRequested, with what the work threw, or with the reason why nobody can compute it.
   */
  collect<Result>(work: Work<Result>): Promise<Result>;
  /**
   * Resolves once the residuals of a version lie in the memory. Rejects as `collect` does, but not because a stop was asked
   * for before.
   */
  keepResiduals(work: ResidualWork): Promise<void>;
  /** The training goes on from an earlier version, whose residuals lie in the memory. */
  rolledBack(version: number): void;
  /** A bucket of the next version is final while the step still runs: workers may have it now. */
  publish(next: Weights, bucket: number): void;
}

/** Thrown through whatever is in flight when a stop was asked for; what was committed stands. */
export class StopRequested extends Error {}

/** A worker is gone, and with it residuals that nobody else has: the training must go back to where they were kept. */
export class ResidualsLost extends Error {}

/** Where the shards' residuals lie. */
export interface ResidualWork {
  readonly version: number;
  readonly shards: number;
  readonly layout: Layout;
  /** The flat vector of a shard; what is there of a version other than this and the last that was kept has no meaning. */
  residual(shard: number, version: number): Float32Array;
}

/** A gradient that came compressed. */
export interface Packed {
  unpack(place: Float32Array): void;
}

/** Results may be handed over more than once, with equal bits, after a worker was lost. A method that throws ends the run. */
export type Work<Result> = StepWork<Result> | EvaluationWork<Result>;

export interface StepWork<Result> {
  readonly kind: "step";
  readonly plan: StepPlan;
  /** What the gradients are of: version `plan.version`. */
  readonly weights: Weights;
  /** A shard's share of the step's mean loss, and how many of its samples were classified right. */
  addLoss(shard: number, score: Score, from: string): void;
  /** What a shard had kept back at a version at which residuals were kept: the flat vector. */
  residual(shard: number, version: number): Float32Array;
  /** One bucket's sum over a range of shards; null: it lies where these shards have their place in the memory. */
  addGradient(bucket: number, part: Part<Float32Array | Packed | null>): void;
  /** The state's sum over a range, if the network has any. */
  addState(part: Part<Float32Array>): void;
  result(costs: StepCosts): Result;
}

export interface EvaluationWork<Result> {
  readonly kind: "evaluation";
  /** Pieces of the test set; may be none. */
  readonly chunks: readonly Span[];
  readonly weights: Weights;
  /** Sums over the images of one chunk. */
  addScore(chunk: number, score: Score): void;
  result(): Result;
}

export interface StepPlan {
  /** Number of the step, 1 for the first; `version` (one less) is that of the weights it starts from. */
  step: number;
  version: number;
  epoch: number;
  stepInEpoch: number;
  batch: number;
  shards: number;
  /** Shards a block, which goes to one worker as a whole. */
  block: number;
  /** Shards without a sample, in a short batch. */
  empty: readonly number[];
  /** Whether workers say when each part of their work began and ended. */
  traced: boolean;
}

export interface Score {
  loss: number;
  hits: number;
}

/** A sum over the shards of one node of the reduction tree. */
export interface Part<Values> {
  /** Who sent it, for messages: "rank 3". */
  readonly from: string;
  readonly range: Range;
  readonly values: Values;
}

/**
 * When a rank computed its shards of a step, in milliseconds of the coordinator's clock, and how long each part took. It
 * began with its input, was computing with TensorFlow's first operation, and ended when it sent the last of its results.
 * Gradients are written while TensorFlow computes, so `writeMs` lies within `computeMs`.
 */
export interface RankTimes {
  shards: number;
  beganMs: number;
  computingMs: number;
  endedMs: number;
  inputMs: number;
  computeMs: number;
  writeMs: number;
  /** Of a step that is traced. */
  spans: readonly WorkerSpan[];
}

export interface WorkerSpan extends Moments {
  what: "input" | "forward" | "backward" | "write" | "device";
  shard: number;
  bucket?: number;
  device?: number;
}

export interface BucketSpan extends Moments {
  bucket: number;
}

/** In milliseconds of the coordinator's clock. */
export interface Moments {
  startMs: number;
  endMs: number;
}

/** What a step took of those who computed it. */
export interface StepCosts {
  ranks: ReadonlyMap<number, RankTimes>;
  /** Payloads, without headers. */
  exchangedBytes: {
    in: number;
    out: number;
    shared: number;
    /** Of `in` and `out`, by the numbers of nodes. */
    nodes: ReadonlyMap<number, { in: number; out: number }>;
  };
  /** TensorFlow's tensors in all workers. */
  tensors: number;
  tensorBytes: number;
}

/** One version of the weights and the state, or of their moving average: views of live memory, valid until the version after the next is begun. */
export interface Weights {
  readonly layout: Layout;
  readonly kind: WeightsKind;
  readonly version: number;
  /** Numbers of the buckets that together are the version; -1, the state, comes last if there is any. */
  readonly buckets: readonly number[];
  bucket(index: number): Float32Array;
}
