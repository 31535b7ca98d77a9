/**
 * `node dist/bench/trace-picture.js TRACE.json PICTURE.svg`: a trace of `cnn-dist launch --trace` as a picture. Above all of
 * its steps, below the one of median length, larger.
 */
import { readFileSync, writeFileSync } from "node:fs";
import type { TraceEntry } from "../src/metrics/trace-events.js";

const WIDTH = 1200;
const LEFT = 190;
const RIGHT = 30;
const ROW = 20;
const GAP = 8;
/** Thinner bars could not be seen. */
const LEAST = 1.2;

/** By what a span is of; colours that are told apart without red and green. */
const COLORS = {
  waiting: "#e3e3e3",
  input: "#e9c46a",
  forward: "#2a6f97",
  backward: "#8ecae6",
  "gradient written": "#d1495b",
  "gradient placed": "#b5838d",
  "bucket added and updated": "#3d348b",
  commit: "#111111",
  "last gradient to first operation": "#f77f00",
} as const;
type Kind = keyof typeof COLORS;

interface Bar {
  pid: number;
  tid: number;
  kind: Kind;
  startMs: number;
  endMs: number;
}

interface Step {
  startMs: number;
  endMs: number;
}

const text = (x: number, y: number, words: string, more = "") =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${words.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`;
const rectangle = (x: number, y: number, width: number, height: number, fill: string) =>
  `<rect x="${x.toFixed(2)}" y="${y.toFixed(1)}" width="${width.toFixed(2)}" height="${height}" fill="${fill}"/>`;

function kindOf({ name, pid, tid }: TraceEntry): Kind | null {
  if (name.startsWith("bucket"))
    return pid > 0 ? "gradient written" : tid === 1 ? "gradient placed" : "bucket added and updated";
  if (name.startsWith("forward")) return "forward";
  if (name.startsWith("backward")) return "backward";
  if (name.startsWith("input")) return "input";
  if (name === "wait" || name === "idle") return "waiting";
  if (name === "tail") return "last gradient to first operation";
  return name === "commit" ? "commit" : null;
}

const timeOf = ({ ts = 0, dur = 0 }: TraceEntry) => ({ startMs: ts / 1000, endMs: (ts + dur) / 1000 });

function barsOf(entries: readonly TraceEntry[]): Bar[] {
  return entries.flatMap((entry) => {
    const kind = entry.ph === "X" ? kindOf(entry) : null;
    return kind === null ? [] : [{ pid: entry.pid, tid: entry.tid, kind, ...timeOf(entry) }];
  });
}

/** Rows from the top: each rank's shards and gradients, then the coordinator's. */
function rowsOf(bars: readonly Bar[]): { label: string; holds: (bar: Bar) => boolean }[] {
  const ranks = [...new Set(bars.map(({ pid }) => pid).filter((pid) => pid > 0))].sort((a, b) => a - b);
  const kinds =
    (...wanted: Kind[]) =>
    (bar: Bar) =>
      bar.pid === 0 && wanted.includes(bar.kind);
  return [
    ...ranks.flatMap((pid) => [
      { label: `rank ${pid - 1}: computes`, holds: (bar: Bar) => bar.pid === pid && bar.tid === 0 },
      { label: "gradients leave", holds: (bar: Bar) => bar.pid === pid && bar.tid === 1 },
    ]),
    {
      label: "coordinator: updates",
      holds: kinds("gradient placed", "bucket added and updated", "commit"),
    },
    { label: "tail", holds: kinds("last gradient to first operation") },
  ];
}

/** The bars between two moments, with an axis in milliseconds from the first. */
function panel(
  bars: readonly Bar[],
  { startMs, endMs }: Step,
  top: number,
  title: string,
): { svg: string[]; height: number } {
  const scale = (WIDTH - LEFT - RIGHT) / (endMs - startMs);
  const x = (ms: number) => LEFT + (Math.min(endMs, Math.max(startMs, ms)) - startMs) * scale;
  const rows = rowsOf(bars);
  const svg = [text(LEFT, top + 14, title, 'font-weight="600"')];
  const first = top + 26;
  rows.forEach(({ label, holds }, index) => {
    const y = first + index * (ROW + GAP);
    svg.push(text(LEFT - 10, y + ROW - 6, label, 'text-anchor="end"'));
    for (const bar of bars.filter(holds)) {
      if (bar.endMs < startMs || bar.startMs > endMs) continue;
      svg.push(rectangle(x(bar.startMs), y, Math.max(LEAST, x(bar.endMs) - x(bar.startMs)), ROW, COLORS[bar.kind]));
    }
  });
  const bottom = first + rows.length * (ROW + GAP);
  const every = tickOf(endMs - startMs);
  for (let ms = 0; ms <= endMs - startMs; ms += every) {
    const at = x(startMs + ms);
    svg.push(`<line x1="${at.toFixed(1)}" x2="${at.toFixed(1)}" y1="${first}" y2="${bottom}" stroke="#00000022"/>`);
    svg.push(text(at, bottom + 14, marked(ms), 'text-anchor="middle" fill="#555"'));
  }
  return { svg, height: bottom + 30 - top };
}

const marked = (ms: number) => (ms >= 1000 ? `${ms / 1000} s` : `${ms} ms`);

/** About ten marks, of a round number of milliseconds. */
function tickOf(spanMs: number): number {
  const rough = spanMs / 10;
  const power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((factor) => factor * power).find((tick) => tick >= rough)!;
}

function legend(top: number, kinds: ReadonlySet<Kind>): string[] {
  let x = LEFT;
  return Object.entries(COLORS).flatMap(([kind, color]) => {
    if (!kinds.has(kind as Kind)) return [];
    const at = x;
    x += 40 + kind.length * 7;
    return [rectangle(at, top, 14, 14, color), text(at + 19, top + 11, kind)];
  });
}

function picture(entries: readonly TraceEntry[]): string {
  const steps = entries
    .filter(({ name, ph }) => ph === "X" && name.startsWith("step "))
    .map((entry) => ({ ...timeOf(entry), name: entry.name }));
  if (steps.length === 0) throw new Error("there is no step in this trace");
  const bars = barsOf(entries);
  const length = ({ startMs, endMs }: Step) => endMs - startMs;
  const median = steps.toSorted((a, b) => length(a) - length(b))[steps.length >> 1]!;
  const whole = { startMs: steps[0]!.startMs, endMs: steps.at(-1)!.endMs };
  // A little of the step before and after, so that the tail between two steps is seen.
  const around = 0.04 * length(median);
  const closer = { startMs: median.startMs - around, endMs: median.endMs + around };
  const above = panel(bars, whole, 40, `${steps[0]!.name} to ${steps.at(-1)!.name}`);
  const below = panel(bars, closer, 50 + above.height, `${median.name}, with a little of the steps beside it`);
  const height = 60 + above.height + below.height;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="12">`,
    rectangle(0, 0, WIDTH, height, "#ffffff"),
    ...legend(14, new Set(bars.map(({ kind }) => kind))),
    ...above.svg,
    ...below.svg,
    "</svg>\n",
  ].join("\n");
}

const [from, to] = process.argv.slice(2);
if (from === undefined || to === undefined) throw new Error("TRACE.json PICTURE.svg: both are needed");
const { traceEvents } = JSON.parse(readFileSync(from, "utf8")) as { traceEvents: TraceEntry[] };
writeFileSync(to, picture(traceEvents));
