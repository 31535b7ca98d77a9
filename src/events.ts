/** What a run tells the world. Terminal, metrics, `--json`, metrics.jsonl and the library's stream all read these. */
import type { WrittenRecipe } from "./config/recipe.js";

export type WorkerState =
  | "starting"
  | "joining"
  | "tracing"
  | "ready"
  | "working"
  | "spare"
  | "lost"
  | "refused"
  | "stopped";

/** What training updates, or its exponential moving average. */
export type WeightsKind = "raw" | "ema";

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
  workers: number;
  devices: readonly string[];
  threads: number;
  run_dir: string;
  metrics_url: string | null;
  resumed_from: string | null;
  start_step: number;
  /** Bytes; predicted peak of one worker. */
  predicted_memory_bytes: number;
  /** Only with more than one device a worker: what each holds and computes, and what crosses between them for one image. */
  towers?: {
    devices: readonly { parameters: number; multiply_adds: number; activation_bytes: number }[];
    crossings: readonly { layer: string; forward_bytes: number; backward_bytes: number }[];
  };
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
  reason?: "exit" | "silence" | "step-timeout" | "protocol" | "error";
  /** Shards given to others within the step, for `lost`. */
  reassigned?: number;
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
  phases: { wait_seconds: number; reduce_seconds: number; update_seconds: number; compute_seconds: number };
  /** In and out of the coordinator as frames; `shared`: gradients that workers wrote to shared memory. */
  exchange_bytes: { in: number; out: number; shared: number };
  /** Seconds of compute a rank in this step. */
  worker_seconds: Record<string, number>;
  tensors: number;
  tensor_bytes: number;
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
}
export interface LogEvent {
  event: "log";
  level: "info" | "warn" | "error";
  message: string;
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
  resume_command: null;
}
export type RunEvent =
  | PlanEvent
  | WorkerEvent
  | StepEvent
  | EvalEvent
  | CheckpointEvent
  | HeartbeatEvent
  | RejectedEvent
  | LogEvent
  | DoneEvent
  | NotStartedEvent;
