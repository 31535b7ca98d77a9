/** What a run tells the world. Terminal, metrics, `--json`, metrics.jsonl and the library's stream all read these. */
import type { Bottleneck, HeldBackEvent } from "./events/held-back.js";
import type { PlanEvent } from "./events/plan.js";
import type { StepEvent, TimelineEvent } from "./events/step.js";

export * from "./events/held-back.js";
export type * from "./events/plan.js";
export type * from "./events/step.js";

export const WORKER_STATES = [
  "starting",
  "joining",
  "tracing",
  "ready",
  "working",
  "spare",
  "lost",
  "refused",
  "stopped",
] as const;
export type WorkerState = (typeof WORKER_STATES)[number];

/**
 * What a worker does: it reads data and builds the network, waits for work, prepares images, compiles a step and runs it for
 * the first time, computes, or computes while its gradients leave.
 */
export const WORKER_PHASES = ["joining", "waiting", "input", "compiling", "computing", "writing"] as const;
export type WorkerPhase = (typeof WORKER_PHASES)[number];

/** What training updates, or its exponential moving average. */
export type WeightsKind = "raw" | "ema";

export interface WorkerEvent {
  event: "worker";
  rank: number;
  incarnation: number;
  state: WorkerState;
  pid: number | null;
  device: string;
  /** Why it was lost or refused, or what it is doing. */
  detail?: string;
  /** Seconds from the last sign of life to the detection, for `lost`. */
  detection_seconds?: number;
  reason?: LossReason;
  /** Shards given to others within the step, for `lost`. */
  reassigned?: number;
  /** For `lost`: the step in flight, or the last one; null before the first, and of a worker that had not joined. */
  step?: number | null;
  /** For `lost`: what it did, as far as it had told. */
  phase?: WorkerPhase;
  /** For `lost`: the last lines that this incarnation wrote to its log; "" if it wrote none, or on another host. */
  log?: string;
  /** In a run over several machines: the number of its machine, 0 for the coordinator's. */
  node?: number;
}
export const LOSS_REASONS = ["exit", "silence", "join-timeout", "step-timeout", "protocol", "error", "node"] as const;
/** How a loss was noticed; `node`: the worker was lost with its machine. */
export type LossReason = (typeof LOSS_REASONS)[number];
/** What became of a machine of a run over several; its workers have events of their own. */
export interface NodeEvent
  extends Pick<WorkerEvent, "detail" | "detection_seconds" | "reason" | "reassigned" | "step" | "phase" | "log"> {
  event: "node";
  node: number;
  /** Of the processes that came as this node, one after the other. */
  incarnation: number;
  state: WorkerState;
  host: string;
  device: string;
  /** That it speaks for. */
  workers: number;
}
/** Of a lost worker, in words: its device, its step, and what it did. */
export function placeOf({
  device,
  step,
  phase,
}: Pick<WorkerEvent, "device"> & Partial<Pick<WorkerEvent, "step" | "phase">>): string {
  return [device, ...(typeof step === "number" ? [`step ${step}`] : []), ...(phase ? [phase] : [])].join(", ");
}

/** A worker takes persistently longer for a shard than the others, or does no more. */
export interface SlowEvent {
  event: "slow";
  rank: number;
  /** False: it has recovered. */
  slow: boolean;
  step: number;
  /** How many times as long as the others it takes for a shard: medians of the last steps. */
  times: number;
  shard_seconds: number;
  peers_seconds: number;
  /** In which it loses most: waiting for work and weights, preparing images, or computing. */
  phase: "wait" | "input" | "compute";
}
/** With `--backup-shards`: a rank is so late with its shards that they were given to idle workers as well. */
export interface BackupEvent {
  event: "backup";
  step: number;
  rank: number;
  /** What it did then, as far as it had told. */
  phase: WorkerPhase;
  shards: number;
  /** Since it could begin with them. */
  waited_seconds: number;
}
export interface EvalEvent {
  event: "eval";
  epoch: number;
  step: number;
  loss: number;
  accuracy: number;
  samples: number;
  duration_seconds: number;
  /** What was evaluated: the moving average, where the recipe keeps one. */
  weights: WeightsKind;
  best: boolean;
}
export interface CheckpointEvent {
  event: "checkpoint";
  step: number;
  path: string;
  size_bytes: number;
  duration_seconds: number;
}
/** What a picture of a network shows: docs/pictures.md. */
export type PictureKind = "filters" | "samples" | "mistakes" | "confusion" | "activations" | "gradcam" | "curves";
/** Of `--pictures`: the network as it was evaluated at that step. The folders of the newest and of the best step are kept. */
export interface PicturesEvent {
  event: "pictures";
  step: number;
  /** Counted from 0, as in `eval`. */
  epoch: number;
  /** Whether that evaluation was the best so far. */
  best: boolean;
  pictures: readonly {
    what: PictureKind;
    /** Of a PNG, from the run's folder on: pictures/step-00000012/filters.png. */
    file: string;
    /** What it shows, in words. */
    title: string;
    /** Pixels; a screen shows two of them as one. */
    width: number;
    height: number;
  }[];
  /** In a process of its own, beside the training. */
  duration_seconds: number;
}
/** A checkpoint could not be written. The training goes on, and tries again when the next one is due; the last of a run, soon. */
export interface CheckpointFailedEvent {
  event: "checkpoint-failed";
  step: number;
  /** What could not be written where and why, what to do, and what happens next. */
  message: string;
  /** Of the error. */
  code: string;
  /** In a row, this one included; with `allowed` of them the run ends. */
  failures: number;
  allowed: number;
}
/**
 * A worker was lost that alone had what its shards kept back of their compressed gradients: the run goes on from its newest
 * checkpoint, or its start, and does the steps since then again, with the same result. Only with `compress` over frames.
 */
export interface RollbackEvent {
  event: "rollback";
  /** The last step that was committed, and the one from which the run goes on. */
  from_step: number;
  step: number;
  reason: string;
}
export interface HeartbeatEvent {
  event: "heartbeat";
  rank: number;
  /** Unix time, seconds. */
  timestamp: number;
  tensors: number;
  tensor_bytes: number;
  rss_bytes: number;
}
export interface RejectedEvent {
  event: "rejected";
  reason: string;
  count: number;
}
export interface LogEvent {
  event: "log";
  level: "info" | "warn" | "error";
  message: string;
}
/** No step begins before this is done; for those who tell what a run does now. */
export interface WaitingEvent {
  event: "waiting";
  for: "evaluation" | "checkpoint" | "workers";
}
export interface DoneEvent {
  event: "done" | "stopped";
  step: number;
  epoch: number;
  loss: number | null;
  accuracy: number | null;
  best_accuracy: number | null;
  recipe_sha256: string;
  /** Null: of a model of the user's own that was stopped before its first worker gave values. */
  weights_sha256: string | null;
  /** The same of the moving average; null without one. */
  ema_sha256: string | null;
  samples_per_second: number;
  duration_seconds: number;
  checkpoint: string | null;
  run_dir: string;
  /** Null: nothing held the run back, or it was too short to tell. */
  bottleneck: Bottleneck | null;
  /** What held the run back as a sentence, or that nothing did; null: it was too short to tell. */
  held_back: string | null;
  /** Of a run over several machines: bytes a step, the mean, that came from each node and went to it. */
  node_bytes?: Record<string, { in: number; out: number }>;
  resume_command: string | null;
}
/** The end of a run that was stopped before there was anything to train; only the library and the terminal see it. */
export interface NotStartedEvent {
  event: "stopped";
  step: 0;
  epoch: 0;
  loss: null;
  accuracy: null;
  best_accuracy: null;
  /** Null: not known yet, since the data were not read. */
  recipe_sha256: string | null;
  weights_sha256: null;
  ema_sha256: null;
  samples_per_second: 0;
  duration_seconds: number;
  checkpoint: null;
  run_dir: string | null;
  bottleneck: null;
  held_back: null;
  resume_command: null;
}
export type RunEvent =
  | PlanEvent
  | WorkerEvent
  | NodeEvent
  | StepEvent
  | SlowEvent
  | BackupEvent
  | TimelineEvent
  | EvalEvent
  | CheckpointEvent
  | CheckpointFailedEvent
  | PicturesEvent
  | RollbackEvent
  | HeartbeatEvent
  | RejectedEvent
  | WaitingEvent
  | HeldBackEvent
  | LogEvent
  | DoneEvent
  | NotStartedEvent;
