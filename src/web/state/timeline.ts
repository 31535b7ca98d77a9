/** Who did what when: spans of the last steps, as rows of a picture and as a sentence. Pure. */
import type { RankPhases, TimelineEvent, TimelineSpan } from "../../events.js";
import type { RecentStep } from "./steps.js";

export interface Bar {
  what: TimelineSpan["what"] | "compute";
  shard: number | null;
  bucket: number | null;
  step: number;
  startMs: number;
  endMs: number;
}

export interface Row {
  /** Null: the coordinator. */
  rank: number | null;
  bars: Bar[];
}

export interface Picture {
  /** Whether spans were recorded; else a rank's parts are drawn one after the other, and which shard when is not known. */
  exact: boolean;
  startMs: number;
  endMs: number;
  steps: { step: number; startMs: number; endMs: number }[];
  rows: Row[];
}

/** Of spans that lie within others, or say the same as others, nothing is drawn. */
const DRAWN: ReadonlySet<string> = new Set([
  "wait",
  "input",
  "forward",
  "backward",
  "idle",
  "reduce",
  "update",
  "commit",
]);
const IN_ORDER = ["wait", "input", "compute", "idle"] as const;
/** Steps that are drawn where no spans were recorded. */
const LAST_STEPS = 3;

/** The newest of the longest rows of steps without a gap; null: there is nothing to draw. */
export function pictureOf(timelines: readonly TimelineEvent[], recent: readonly RecentStep[]): Picture | null {
  const rows = inRows(timelines);
  const longest = Math.max(...rows.map(({ length }) => length));
  const newest = rows.findLast(({ length }) => length === longest);
  if (newest) return exactly(newest);
  return recent.length === 0 ? null : fromSums(recent.slice(-LAST_STEPS));
}

function inRows(timelines: readonly TimelineEvent[]): TimelineEvent[][] {
  const rows: TimelineEvent[][] = [];
  for (const timeline of timelines) {
    const row = rows.at(-1);
    if (row?.at(-1)?.step === timeline.step - 1) row.push(timeline);
    else rows.push([timeline]);
  }
  return rows;
}

function exactly(timelines: readonly TimelineEvent[]): Picture {
  const rows = new Map<number | null, Bar[]>();
  const steps: Picture["steps"] = [];
  for (const { step, spans } of timelines)
    for (const { rank, what, shard = null, bucket = null, startMs, endMs } of spans) {
      if (what === "step") steps.push({ step, startMs, endMs });
      if (!DRAWN.has(what) || endMs <= startMs) continue;
      const bars = rows.get(rank) ?? [];
      rows.set(rank, bars);
      bars.push({ what, shard, bucket, step, startMs, endMs });
    }
  return picture(true, steps, rows);
}

function fromSums(recent: readonly RecentStep[]): Picture {
  const rows = new Map<number | null, Bar[]>();
  const steps: Picture["steps"] = [];
  let startMs = 0;
  for (const { step, seconds, ranks } of recent) {
    steps.push({ step, startMs, endMs: startMs + seconds * 1000 });
    for (const [name, phases] of Object.entries(ranks)) {
      const rank = Number(name);
      const bars = rows.get(rank) ?? [];
      rows.set(rank, bars);
      bars.push(...barsOf(phases, step, startMs));
    }
    startMs += seconds * 1000;
  }
  return picture(false, steps, rows);
}

function barsOf(phases: RankPhases, step: number, startMs: number): Bar[] {
  let at = startMs;
  return IN_ORDER.flatMap((what) => {
    const from = at;
    at += phases[`${what}_seconds`] * 1000;
    return at > from ? [{ what, shard: null, bucket: null, step, startMs: from, endMs: at }] : [];
  });
}

/** Ranks in order, the coordinator last. */
function picture(exact: boolean, steps: Picture["steps"], rows: ReadonlyMap<number | null, Bar[]>): Picture {
  const order = (rank: number | null) => rank ?? Number.POSITIVE_INFINITY;
  return {
    exact,
    steps,
    startMs: Math.min(...steps.map((step) => step.startMs)),
    endMs: Math.max(...steps.map((step) => step.endMs)),
    rows: [...rows].sort(([a], [b]) => order(a) - order(b)).map(([rank, bars]) => ({ rank, bars })),
  };
}

/** Of the newest step: who ended last, and who waited for it for how long. Milliseconds; null with one rank alone. */
export function waitingOf(
  recent: readonly RecentStep[],
): { step: number; last: number; waited: [rank: number, ms: number][] } | null {
  const newest = recent.at(-1);
  const ranks = Object.entries(newest?.ranks ?? {}).map(
    ([rank, phases]) => [Number(rank), phases.idle_seconds] as const,
  );
  if (!newest || ranks.length < 2) return null;
  const [last, least] = ranks.reduce((a, b) => (b[1] < a[1] ? b : a));
  const waited = ranks
    .filter(([rank]) => rank !== last)
    .map(([rank, idle]): [number, number] => [rank, 1000 * (idle - least)])
    .sort(([, a], [, b]) => b - a);
  return { step: newest.step, last, waited };
}
