/** What a run tells the world. Terminal, metrics, `--json`, metrics.jsonl and the library's stream all read these. */
import type { WrittenRecipe } from "./config/recipe.js";

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

/** Of a dry run: what a step will take. Seconds; docs/scaling.md says how they are reckoned, and how far to trust them. */
export interface PredictionFacts {
  exchange: "shared-memory" | "frames";
  /** Bytes of parameters, and so of a gradient. */
  exchanged_bytes: number;
  /** That a worker computes in a step, at an assumed rate; null on GPUs and on other hosts, whose rate nobody knows. */
  compute_seconds: number | null;
  step_seconds: number | null;
  /** What a step takes beside computing: where that is not known, if nothing of it were hidden behind computing. */
  exchange_seconds: number;
  /** Speed against as many workers that exchange nothing, each with cores of its own. */
  efficiency: number | null;
  /** Computing on a shard must take this long for an efficiency of 0.9; null: it is never reached here. */
  enough_compute_seconds: number | null;
}

export interface PlanEvent {
  event: "plan";
  model: string;
  /** Trainable parameters; null: known once a worker has read the model of one's own. */
  parameters: number | null;
  /** Height, width, channels of one image. */
  input: readonly [number, number, number];
  classes: number;
  dataset: { name: string; sha256: string; train: number; test: number; source: string; warning?: string };
  /** Of a step: with `accumulate`, images and shards of all its batches. */
  batch_size: number;
  shards: number;
  steps: number;
  epochs: number;
  steps_per_epoch: number;
  /** The recipe in force, as it is written. */
  recipe: WrittenRecipe;
  recipe_sha256: string;
  /** Of all machines, if each has as many as this one. */
  workers: number;
  /** Of this machine. */
  devices: readonly string[];
  threads: number;
  /** Of a run over several machines: how many it begins with, and where the others find the coordinator. */
  nodes?: { count: number; endpoint: string };
  run_dir: string;
  metrics_url: string | null;
  /** Of the page that shows the run. */
  page_url: string | null;
  resumed_from: string | null;
  start_step: number;
  /** Bytes; predicted peak of one worker. */
  predicted_memory_bytes: number;
  /** Only with more than one device a worker: what each holds and computes, and what crosses between them for one image. */
  towers?: {
    devices: readonly { parameters: number; multiply_adds: number; activation_bytes: number }[];
    crossings: readonly { layer: string; forward_bytes: number; backward_bytes: number }[];
  };
  /** Null but for a dry run of a network that is known. */
  prediction: PredictionFacts | null;
  /** What training begins from, when not from the seed alone; `kept`: parameters that still begin from the seed. */
  init_weights: {
    path: string;
    sha256: string;
    names: "cnn-dist" | "torchvision";
    total: number;
    loaded: number;
    kept: readonly { name: string; reason: string }[];
  } | null;
  warnings: readonly string[];
}
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
/** A checkpoint could not be written. The training goes on, and tries again when the next one is due. */
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
/** What can hold a run back. */
export const HOLD_PHASES = [
  "wait",
  "input",
  "slow-rank",
  "uneven-shards",
  "write",
  "coordinator",
  "checkpoint",
  "evaluation",
  "compile",
  "workers",
] as const;
export type HoldPhase = (typeof HOLD_PHASES)[number];
/** What holds a run back, now or over all of it. */
export interface HeldBack {
  /** Null: nothing is worth telling, or too little is known yet. */
  phase: HoldPhase | null;
  /** That is the cause; null where none is, or all are. */
  rank: number | null;
  /** Of a slow rank: what takes it longer than the others. */
  part: "wait" | "input" | "compute" | null;
  /** Of the time: what the cause takes of it, from 0 to 1. */
  share: number;
  /** The same as a sentence, with what to do. */
  text: string;
}
/** The last seconds, told at most once a second; not recorded, and not in the library's stream. */
export interface HeldBackEvent extends HeldBack {
  event: "held-back";
}
/** No step begins before this is done; for those who tell what a run does now. */
export interface WaitingEvent {
  event: "waiting";
  for: "evaluation" | "checkpoint" | "workers";
}
/** What keeps a run below three quarters of its best speed: two workers, below 1.5 times that of one. */
export interface Bottleneck extends HeldBack {
  phase: HoldPhase;
  /** Times as fast as one worker that does nothing but compute gradients. */
  speedup: number;
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
