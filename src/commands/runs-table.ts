/** Rows of runs as people and programs read them: sorted, filtered, as a table of the terminal's width. Pure. */
import { UsageError } from "../errors.js";
import { count } from "../format.js";
import { nearest } from "../nearest.js";
import type { FoundRun } from "../runs/list.js";
import type { RunRow } from "../runs/types.js";
import { duration, fit } from "../terminal/format.js";
import { columns } from "./table.js";

/** What is best, or newest, comes first; words by the alphabet. */
const SORTS = {
  started: (row) => -(row.started ?? Number.NEGATIVE_INFINITY),
  name: (row) => row.name,
  state: (row) => row.state,
  model: (row) => row.model,
  dataset: (row) => row.dataset,
  accuracy: (row) => -(row.best_accuracy ?? Number.NEGATIVE_INFINITY),
  loss: (row) => row.loss ?? Number.POSITIVE_INFINITY,
  speed: (row) => -(row.samples_per_second ?? Number.NEGATIVE_INFINITY),
  duration: (row) => -(row.duration_seconds ?? Number.NEGATIVE_INFINITY),
  step: (row) => -row.step,
  recipe: (row) => row.recipe_sha256 ?? "~",
} as const satisfies Record<string, (row: RunRow) => number | string>;

export const SORT_KEYS = Object.keys(SORTS) as (keyof typeof SORTS)[];

/** Equal ones stay in their order. */
export function sorted(runs: readonly RunRow[], key: keyof typeof SORTS): RunRow[] {
  const of: (row: RunRow) => number | string = SORTS[key];
  return [...runs].sort((a, b) => {
    const [left, right] = [of(a), of(b)];
    return left < right ? -1 : left > right ? 1 : 0;
  });
}

/**
 * Those that fit every KEY=VALUE; a key of the row or of the recipe (modelOptions.width), `*` for any characters. UsageError for
 * words that are no pair, and for a key that no run has.
 */
export function filtered(
  runs: readonly RunRow[],
  filters: readonly string[],
  found: ReadonlyMap<string, FoundRun>,
): readonly RunRow[] {
  const pairs = filters.map((word) => {
    const at = word.indexOf("=");
    if (at < 1) throw new UsageError("usage", `--filter takes KEY=VALUE, such as model=vgg13; received "${word}".`);
    return { key: word.slice(0, at), pattern: patternOf(word.slice(at + 1)) };
  });
  for (const { key } of pairs) {
    if (runs.length === 0 || runs.some((row) => valueIn(row, found, key) !== undefined)) continue;
    const keys = [
      ...new Set(runs.flatMap((row) => [...Object.keys(row), ...Object.keys(found.get(row.name)?.recipe ?? {})])),
    ];
    throw new UsageError("usage", `--filter ${key}=…: no run has that key${nearest(key, keys)}.`);
  }
  return runs.filter((row) =>
    pairs.every(({ key, pattern }) => {
      const value = valueIn(row, found, key);
      return value !== undefined && pattern.test(String(value));
    }),
  );
}

function valueIn(row: RunRow, found: ReadonlyMap<string, FoundRun>, key: string): unknown {
  if (key in row) return (row as unknown as Record<string, unknown>)[key];
  let value: unknown = found.get(row.name)?.recipe;
  for (const part of key.split(".")) value = (value as Record<string, unknown> | null | undefined)?.[part];
  return value;
}

function patternOf(value: string): RegExp {
  const parts = value.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "i");
}

interface Column {
  title: string;
  align: "left" | "right";
  of(row: RunRow): string;
}
const text = (title: string, of: Column["of"]): Column => ({ title, align: "left", of });
const number = (title: string, of: (row: RunRow) => string | null): Column => ({
  title,
  align: "right",
  of: (row) => of(row) ?? "-",
});

/** In their order; `KEPT` says which go first where the terminal is narrow. */
const COLUMNS = {
  name: text("run", ({ name }) => name),
  state: text("state", ({ state }) => state),
  model: text("model", ({ model }) => model),
  dataset: text("data", ({ dataset }) => dataset),
  step: number("step", ({ step, steps }) => (steps === null ? count(step) : `${count(step)}/${count(steps)}`)),
  loss: number("loss", ({ loss }) => loss?.toFixed(4) ?? null),
  best: number("best", ({ best_accuracy }) => best_accuracy?.toFixed(4) ?? null),
  speed: number("images/s", ({ samples_per_second: speed }) => (speed === null ? null : speedOf(speed))),
  duration: number("time", ({ duration_seconds: seconds }) => (seconds === null ? null : duration(seconds))),
} as const satisfies Record<string, Column>;
const KEPT: readonly (keyof typeof COLUMNS)[] = [
  "name",
  "state",
  "best",
  "loss",
  "step",
  "speed",
  "duration",
  "model",
  "dataset",
];
const GAP = 2;
/** Names are cut to no less. */
const LEAST_NAME = 12;

const speedOf = (speed: number) => (speed >= 100 ? count(speed) : speed.toPrecision(3));

/** As many columns as the width has place for; the names are cut before the last of them go. Ends in a newline. */
export function tableOf(runs: readonly RunRow[], width: number): string {
  const widthOf = (key: keyof typeof COLUMNS) =>
    Math.max(COLUMNS[key].title.length, ...runs.map((row) => COLUMNS[key].of(row).length));
  let kept = [...KEPT];
  const taken = () => kept.reduce((sum, key) => sum + widthOf(key) + GAP, -GAP);
  while (kept.length > 3 && taken() > width) kept = kept.slice(0, -1);
  const nameWidth = Math.max(LEAST_NAME, widthOf("name") - Math.max(0, taken() - width));
  const shown = (Object.keys(COLUMNS) as (keyof typeof COLUMNS)[]).filter((key) => kept.includes(key));
  const rows = runs.map((row) =>
    shown.map((key) => (key === "name" ? fit(row.name, nameWidth) : COLUMNS[key].of(row))),
  );
  const titles = shown.map((key) => COLUMNS[key].title);
  return `${columns(
    titles,
    rows,
    shown.map((key) => COLUMNS[key].align),
  )}\n`;
}
