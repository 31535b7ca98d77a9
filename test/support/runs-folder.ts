/** A folder of runs that never end, in memory: rows that a test made up. */
import { UsageError } from "../../src/errors.js";
import type { RunRow, RunsFolder } from "../../src/web/state/run-row.js";

export class FakeRunsFolder implements RunsFolder {
  readonly path: string;
  rows: RunRow[];

  constructor(path: string, rows: readonly RunRow[]) {
    this.path = path;
    this.rows = [...rows];
  }

  async list(): Promise<readonly RunRow[]> {
    return this.rows;
  }

  async hide(name: string, hidden: boolean): Promise<void> {
    this.rows = this.rows.map((row) => (row.name === name ? { ...row, hidden } : row));
  }

  async remove(name: string): Promise<void> {
    if (this.rows.find((row) => row.name === name)?.state === "training")
      throw new UsageError("run-dir-in-use", `${name} is in use by another run`);
    this.rows = this.rows.filter((row) => row.name !== name);
  }
}

export function runRow(given: Partial<RunRow> = {}): RunRow {
  return {
    name: "one",
    run_dir: "/runs/one",
    state: "done",
    model: "lenet5",
    dataset: "fashion-mnist",
    step: 2000,
    steps: 2000,
    steps_per_epoch: 469,
    loss: 0.5,
    accuracy: 0.8,
    best_accuracy: 0.9,
    samples_per_second: 10_000,
    duration_seconds: 61,
    started: 1_800_000_000,
    changed: 1_800_000_061,
    recipe_sha256: "a".repeat(64),
    weights_sha256: "b".repeat(64),
    hidden: false,
    page_url: null,
    ...given,
  };
}
