/** Rows of runs as comma-separated values, of the command line and of the dashboard's page. Pure. */
import type { RunRow } from "./types.js";

const COLUMNS = [
  "name",
  "path",
  "state",
  "model",
  "dataset",
  "recipe_sha256",
  "weights_sha256",
  "started",
  "updated",
  "duration_seconds",
  "step",
  "steps",
  "epoch",
  "loss",
  "accuracy",
  "best_accuracy",
  "samples_per_second",
  "workers",
  "failure",
  "held_back",
  "page_url",
  "hidden",
] as const satisfies readonly Exclude<keyof RunRow, "warnings">[];

/** RFC 4180: a head, then a line a run. A text that a spreadsheet would take for a formula begins with an apostrophe. */
export function csvOf(rows: readonly RunRow[]): string {
  return [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column]))]
    .map((cells) => `${cells.map(fieldOf).join(",")}\r\n`)
    .join("");
}

function fieldOf(value: string | number | boolean | null): string {
  if (typeof value !== "string") return value === null ? "" : String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
