/** What a run tells of itself before its first step. */
import type { WrittenRecipe } from "../config/recipe.js";

/** Of a dry run: what a step will take. Seconds; docs/scaling.md says how they are reckoned, and how far to trust them. */
export interface PredictionFacts {
  exchange: "shared-memory" | "frames";
  /** Bytes of parameters, and so of a gradient. */
  exchanged_bytes: number;
  /** That the network between machines is taken to carry in each direction; null: the run is on one machine. */
  link_bytes_per_second: number | null;
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
