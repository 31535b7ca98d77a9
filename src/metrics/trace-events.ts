/**
 * Run events as entries of a Chrome trace (Trace Event Format, https://docs.google.com/document/d/
 * 1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU): a process for the coordinator and one a rank, complete events for what took
 * time, instants for what happened. Pure.
 */
import type { RunEvent, TimelineEvent, TimelineSpan, WorkerEvent } from "../events.js";

/** Microseconds, as the format has them. */
export interface TraceEntry {
  name: string;
  ph: "X" | "i" | "M";
  pid: number;
  tid: number;
  ts?: number;
  dur?: number;
  s?: "p" | "g";
  args?: Record<string, string | number>;
}

const COORDINATOR = 0;
/** Rank r is process r + 1, whatever its pid: a rank that was started again goes on in its place. */
const processOf = (rank: number | null) => (rank === null ? COORDINATOR : rank + 1);

/** Rows of a process, from the top. Spans of one row never overlap, as the format asks. */
const ROWS = {
  coordinator: ["steps", "gradients placed", "buckets added and updated", "tail", "checkpoints"],
  rank: ["shards", "gradients written"],
} as const;
const ROW_OF: Readonly<Record<TimelineSpan["what"], number>> = {
  step: 0,
  commit: 0,
  reduce: 1,
  update: 2,
  tail: 3,
  wait: 0,
  input: 0,
  forward: 0,
  backward: 0,
  idle: 0,
  write: 1,
  device: 2, // and the rows below it: one a device
};
const CHECKPOINTS = 4;
const STEPS = 0;

export class TraceEntries {
  readonly #originMs: number;
  readonly #steps: { from: number; to: number };
  readonly #named = new Set<number>();
  /** Rows of devices. */
  readonly #rows = new Set<string>();
  #step: number;

  /** `originMs`: the trace's moment 0. `done`: steps that are behind already. */
  constructor(originMs: number, steps: { from: number; to: number }, done: number) {
    this.#originMs = originMs;
    this.#steps = steps;
    this.#step = done;
  }

  /** Whether nothing more will come. */
  get over(): boolean {
    return this.#step > this.#steps.to;
  }

  /** What the trace tells of an event that came at `nowMs`; nothing outside of its steps. */
  of(event: RunEvent, nowMs: number): TraceEntry[] {
    if (event.event === "step") this.#step = event.step;
    if (this.#step < this.#steps.from - 1 || this.over) return [];
    switch (event.event) {
      case "timeline":
        // A page asks for timelines of other steps.
        return event.step < this.#steps.from ? [] : this.#timeline(event);
      case "eval":
        return this.#took(`evaluation after step ${event.step}`, STEPS, event.duration_seconds, nowMs);
      case "checkpoint":
        return this.#took(`checkpoint of step ${event.step}`, CHECKPOINTS, event.duration_seconds, nowMs);
      case "worker":
        return this.#worker(event, nowMs);
      default:
        return [];
    }
  }

  #timeline({ step, spans }: TimelineEvent): TraceEntry[] {
    return spans.flatMap((span) => {
      const { rank, what, shard, bucket, device, startMs, endMs } = span;
      if (endMs < startMs) return [];
      return [
        ...this.#names(rank),
        ...(rank === null || device === undefined ? [] : this.#deviceRow(rank, device)),
        {
          name: nameOf(span, step),
          ph: "X" as const,
          pid: processOf(rank),
          tid: ROW_OF[what] + (device ?? 0),
          ts: this.#microseconds(startMs),
          dur: rounded(endMs - startMs),
          args: { step, ...(shard === undefined ? {} : { shard }), ...(bucket === undefined ? {} : { bucket }) },
        },
      ];
    });
  }

  #took(name: string, tid: number, seconds: number, nowMs: number): TraceEntry[] {
    const ts = this.#microseconds(nowMs - seconds * 1000);
    return [...this.#names(null), { name, ph: "X", pid: COORDINATOR, tid, ts, dur: rounded(seconds * 1000) }];
  }

  /** Deaths and starts; what a worker is doing else shows in its spans. */
  #worker({ rank, incarnation, state, detail, pid }: WorkerEvent, nowMs: number): TraceEntry[] {
    if (!["starting", "ready", "lost", "refused"].includes(state)) return [];
    return [
      ...this.#names(rank),
      {
        name: `rank ${rank} ${state}`,
        ph: "i",
        s: state === "lost" || state === "refused" ? "g" : "p",
        pid: processOf(rank),
        tid: 0,
        ts: this.#microseconds(nowMs),
        args: {
          incarnation,
          ...(pid === null ? {} : { pid }),
          ...(detail === undefined ? {} : { detail: detail.slice(0, MAX_DETAIL) }),
        },
      },
    ];
  }

  /** Of a process that is met for the first time: what it and its rows are called, and that they keep their order. */
  #names(rank: number | null): TraceEntry[] {
    const pid = processOf(rank);
    if (this.#named.has(pid)) return [];
    this.#named.add(pid);
    const name = rank === null ? "coordinator" : `rank ${rank}`;
    const rows = rank === null ? ROWS.coordinator : ROWS.rank;
    return [
      { name: "process_name", ph: "M", pid, tid: 0, args: { name } },
      { name: "process_sort_index", ph: "M", pid, tid: 0, args: { sort_index: pid } },
      ...rows.flatMap((row, tid) => rowNames(pid, tid, row)),
    ];
  }

  /** Of a rank's device that is met for the first time. */
  #deviceRow(rank: number, device: number): TraceEntry[] {
    const [pid, tid] = [processOf(rank), ROW_OF.device + device];
    const key = `${pid}/${tid}`;
    if (this.#rows.has(key)) return [];
    this.#rows.add(key);
    return rowNames(pid, tid, `device ${device}`);
  }

  #microseconds(ms: number): number {
    return rounded(ms - this.#originMs);
  }
}

const rowNames = (pid: number, tid: number, name: string): TraceEntry[] => [
  { name: "thread_name", ph: "M", pid, tid, args: { name } },
  { name: "thread_sort_index", ph: "M", pid, tid, args: { sort_index: tid } },
];

const MAX_DETAIL = 500;

/** Milliseconds as microseconds, to the nanosecond. */
const rounded = (ms: number) => Math.round(ms * 1e6) / 1e3;

function nameOf({ what, shard, bucket }: TimelineSpan, step: number): string {
  if (what === "step") return `step ${step}`;
  if (what === "device") return `computes, shard ${shard}`;
  if (bucket !== undefined) return `bucket ${bucket}`;
  return shard === undefined ? what : `${what}, shard ${shard}`;
}
