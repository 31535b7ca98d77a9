/** A row of a folder of runs. */
import type { RunRow } from "../../src/runs/types.js";

export function runRow(given: Partial<RunRow>): RunRow {
  return {
    name: "one",
    path: "/runs/one",
    state: "done",
    model: "lenet5",
    dataset: "fashion-mnist",
    recipe_sha256: "a".repeat(64),
    weights_sha256: "b".repeat(64),
    started: 1_800_000_000,
    updated: 1_800_000_061,
    duration_seconds: 61,
    step: 2000,
    steps: 2000,
    epoch: 4.2,
    loss: 0.5,
    accuracy: 0.8,
    best_accuracy: 0.9,
    samples_per_second: 10_000,
    workers: 2,
    failure: null,
    held_back: null,
    page_url: null,
    hidden: false,
    warnings: [],
    ...given,
  };
}
