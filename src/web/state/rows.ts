/** Rows of runs: sorted and filtered. Pure. */
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
