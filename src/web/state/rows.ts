/** Rows of runs: sorted, filtered, and as a file for a spreadsheet. Pure. */
import type { RunRow } from "../../runs/types.js";

export type Key = keyof RunRow;
export interface Order {
  key: Key;
  descending: boolean;
}
export interface Filter {
  /** Words that must all be in a row's name, model, data, state or hashes. */
  words: string;
  hidden: boolean;
}

export const LATEST_FIRST: Order = { key: "started", descending: true };

/** What is not known comes last, whatever the order; equal rows stay as they are. */
export function ordered(rows: readonly RunRow[], { key, descending }: Order): RunRow[] {
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [left, right] = [a[key], b[key]];
    if (left === null || right === null) return Number(left === null) - Number(right === null);
    return left === right ? 0 : sign * (left < right ? -1 : 1);
  });
}

export function filtered(rows: readonly RunRow[], { words, hidden }: Filter): RunRow[] {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  return rows.filter((row) => {
    if (row.hidden && !hidden) return false;
    const hashes = [row.recipe_sha256 ?? "", row.weights_sha256 ?? ""];
    const text = [row.name, row.model, row.dataset, row.state, ...hashes].join(" ");
    const lower = text.toLowerCase();
    return wanted.every((word) => lower.includes(word));
  });
}

const COLUMNS: readonly Key[] = [
  "name",
  "state",
  "model",
  "dataset",
  "step",
  "steps",
  "epoch",
  "best_accuracy",
  "accuracy",
  "loss",
  "samples_per_second",
  "duration_seconds",
  "started",
  "updated",
  "workers",
  "recipe_sha256",
  "weights_sha256",
  "path",
];

/** RFC 4180. A text that a spreadsheet would take for a formula begins with an apostrophe. */
export function asCsv(rows: readonly RunRow[]): string {
  const field = (value: unknown): string => {
    if (value === null || value === undefined) return "";
    if (typeof value !== "string") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column]))]
    .map((cells) => `${cells.map(field).join(",")}\r\n`)
    .join("");
}
