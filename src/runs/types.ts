/** What is told of the runs of a folder: as JSON by `cnn-dist runs --json`, by the library, and to the dashboard's page. */

/**
 * `live`: a process trains it now. `done`, `stopped` and `failed` are what its last process told; `killed`: it ended without a
 * word; `new`: it has told nothing yet.
 */
export type RunStatus = "live" | "done" | "stopped" | "failed" | "killed" | "new";

/** One run. Numbers are null where they are not known, or not yet. */
export interface RunRow {
  /** Of its folder, and unique among those of the folder of runs. */
  name: string;
  /** Absolute. */
  path: string;
  state: RunStatus;
  model: string;
  dataset: string;
  recipe_sha256: string | null;
  /** At the end of its last process, where that told it. */
  weights_sha256: string | null;
  /** Unix time in seconds: of its first event, and of its newest. */
  started: number | null;
  updated: number | null;
  /** Over all resumes, without the pauses between them. */
  duration_seconds: number | null;
  /** Done, and to be done. */
  step: number;
  steps: number | null;
  /** Done; fractions count. */
  epoch: number | null;
  /** Of the newest step's batch. */
  loss: number | null;
  /** On the test set: of the newest evaluation, and of the best. */
  accuracy: number | null;
  best_accuracy: number | null;
  /** Of training steps, over all of them. */
  samples_per_second: number | null;
  workers: number | null;
  /** Why it failed. */
  failure: string | null;
  /** What held it back, as its summary says. */
  held_back: string | null;
  /** Where a live run's own page is. */
  page_url: string | null;
  /** Put away by `cnn-dist runs hide`. */
  hidden: boolean;
  /** What could not be read of it. */
  warnings: readonly string[];
}

/** What lies in the folder and is no run, or cannot be read. */
export interface PassedOver {
  path: string;
  reason: string;
}

export interface RunsList {
  /** Absolute. */
  dir: string;
  /** The latest first. */
  runs: readonly RunRow[];
  passed_over: readonly PassedOver[];
}

/** A key of the recipe, such as `lr` or `modelOptions.width`, and its value in each run; null where a run does not have it. */
export interface DifferingKey {
  key: string;
  values: readonly (string | number | boolean | null)[];
}

export interface RunComparison {
  runs: readonly RunRow[];
  differing: readonly DifferingKey[];
  /** Null: of a run it is not known. */
  same_recipe: boolean | null;
  same_weights: boolean | null;
  /** The same in words: what is equal, what is not, and what that means. */
  words: readonly string[];
}
