/**
 * A run of a folder of runs, in one row: what `cnn-dist runs --json` prints, what GET /api/runs of the dashboard sends, and what its
 * table sorts and filters. Whoever reads a folder makes these rows; the dashboard (src/web/dashboard.ts) takes them through
 * `RunsFolder` and knows nothing of how they are found or kept.
 */

/** `training`: its lock is held. `ended`: it is not, and no last event says how it ended; a kill leaves that. */
export type RunRowState = "training" | "done" | "stopped" | "failed" | "ended";

export interface RunRow {
  /** Of its folder, in the folder of runs; runs do not lie deeper. */
  name: string;
  run_dir: string;
  state: RunRowState;
  model: string;
  dataset: string;
  step: number;
  /** Of the whole run. */
  steps: number;
  steps_per_epoch: number;
  /** Of the last step; null before the first. */
  loss: number | null;
  accuracy: number | null;
  best_accuracy: number | null;
  /** Of its steps: images over the time that they took. */
  samples_per_second: number | null;
  /** Of training, over all of its lives. */
  duration_seconds: number;
  /** Unix time, seconds; null: its records are from before they had times. */
  started: number | null;
  /** Of its newest event. */
  changed: number | null;
  recipe_sha256: string;
  /** Null until it has ended in order. */
  weights_sha256: string | null;
  hidden: boolean;
  /** The page of one that trains. */
  page_url: string | null;
}

export interface RunsFolder {
  readonly path: string;
  /** The latest first, those that are hidden as well. */
  list(): Promise<readonly RunRow[]>;
  hide(name: string, hidden: boolean): Promise<void>;
  /** Takes the run's folder away. UsageError `run-dir-in-use` while it trains, `run-dir` where there is no such run. */
  remove(name: string): Promise<void>;
}
