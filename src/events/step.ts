/** What a run tells of a step: what it gave, and where its time went. */

/**
 * The way that decided how long a step took: along the rank that ended last, then through the coordinator to the commit. They
 * add up to `duration_seconds`.
 */
export interface StepPhases {
  /** For the assignment and the weights, or for shards of a lost worker. */
  wait_seconds: number;
  /** Images read, decoded and augmented: what was not ready in time. */
  input_seconds: number;
  /** Forward and backward. */
  compute_seconds: number;
  /** The last gradients on their way to the coordinator. */
  write_seconds: number;
  /** Of the coordinator, once that rank had ended: gradients that came as frames are put into their places. */
  reduce_seconds: number;
  /** The same: gradients are added and applied, in one pass. */
  update_seconds: number;
  commit_seconds: number;
}

/** `write` lies within `compute`; the others add up to the step's `duration_seconds`. */
export interface RankPhases {
  /** Computed by this rank. */
  shards: number;
  wait_seconds: number;
  input_seconds: number;
  compute_seconds: number;
  write_seconds: number;
  /** From its last gradient to the commit. */
  idle_seconds: number;
}

export interface StepEvent {
  event: "step";
  /** 1-based number of the step just committed. */
  step: number;
  epoch: number;
  loss: number;
  /** Share of the batch classified right, before the update. */
  accuracy: number;
  lr: number;
  gradient_norm: number;
  samples: number;
  duration_seconds: number;
  samples_per_second: number;
  phases: StepPhases;
  /** Each rank's own part of the step. */
  ranks: Record<string, RankPhases>;
  /** All that the coordinator's main thread did for gradients, most of it while workers compute. */
  coordinator: { reduce_seconds: number; update_seconds: number };
  /** From the last gradient of the step before to this step's first operation; null: no step came right before. */
  tail_seconds: number | null;
  /** For which the training had to wait before this step: not a part of `duration_seconds`. */
  checkpoint_wait_seconds: number;
  /** In and out of the coordinator as frames; `shared`: gradients that workers wrote to shared memory. */
  exchange_bytes: { in: number; out: number; shared: number };
  /** Of them, what came from each node and went to it; only in a run over several machines. */
  node_bytes?: Record<string, { in: number; out: number }>;
  /** Seconds of compute a rank in this step, as in `ranks`. */
  worker_seconds: Record<string, number>;
  tensors: number;
  tensor_bytes: number;
}
/** A step on one clock, for `--trace`; only of steps that are traced, and not in the library's stream. */
export interface TimelineEvent {
  event: "timeline";
  step: number;
  spans: readonly TimelineSpan[];
}
export interface TimelineSpan {
  /** Null: the coordinator. */
  rank: number | null;
  what:
    | "step"
    | "reduce"
    | "update"
    | "commit"
    | "tail"
    | "wait"
    | "input"
    | "forward"
    | "backward"
    | "write"
    | "device"
    | "idle";
  shard?: number;
  bucket?: number;
  /** Of `device`: of the rank's devices, the one that computed. */
  device?: number;
  /** Milliseconds of the coordinator's monotonic clock. */
  startMs: number;
  endMs: number;
}
