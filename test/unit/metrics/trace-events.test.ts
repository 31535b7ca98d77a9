import assert from "node:assert/strict";
import { test } from "node:test";
import type { TimelineEvent, TimelineSpan, WorkerEvent } from "../../../src/events.js";
import { TraceEntries, type TraceEntry } from "../../../src/metrics/trace-events.js";

const span = (rank: number | null, what: TimelineSpan["what"], startMs: number, endMs: number, more = {}) => ({
  rank,
  what,
  startMs,
  endMs,
  ...more,
});
const timeline = (step: number, spans: readonly TimelineSpan[]): TimelineEvent => ({ event: "timeline", step, spans });
const lost: WorkerEvent = {
  event: "worker",
  rank: 1,
  incarnation: 0,
  state: "lost",
  pid: 77,
  device: "cpu",
  detail: "killed",
};
/** A step event of which the trace reads the number alone. */
const committed = (step: number) => ({ event: "step", step }) as Parameters<TraceEntries["of"]>[0];
const real = (entries: readonly TraceEntry[]) => entries.filter(({ ph }) => ph !== "M");

test("spans are complete events, in microseconds from the trace's beginning, one process a rank", () => {
  const entries = new TraceEntries(1000, { from: 1, to: 9 }, 0).of(
    timeline(3, [
      span(null, "step", 1010, 1050),
      span(null, "update", 1030.5, 1031.25, { bucket: 2 }),
      span(1, "backward", 1012, 1040, { shard: 3 }),
      span(1, "write", 1020, 1021, { shard: 3, bucket: 2 }),
      span(1, "idle", 1045, 1044),
    ]),
    1050,
  );
  assert.deepEqual(real(entries), [
    { name: "step 3", ph: "X", pid: 0, tid: 0, ts: 10_000, dur: 40_000, args: { step: 3 } },
    { name: "bucket 2", ph: "X", pid: 0, tid: 2, ts: 30_500, dur: 750, args: { step: 3, bucket: 2 } },
    { name: "backward, shard 3", ph: "X", pid: 2, tid: 0, ts: 12_000, dur: 28_000, args: { step: 3, shard: 3 } },
    { name: "bucket 2", ph: "X", pid: 2, tid: 1, ts: 20_000, dur: 1000, args: { step: 3, shard: 3, bucket: 2 } },
  ]);
});

test("processes and their rows are named once, before anything in them", () => {
  const trace = new TraceEntries(0, { from: 1, to: 9 }, 0);
  const named = (entries: readonly TraceEntry[]) =>
    entries.filter(({ name }) => name.endsWith("_name")).map(({ pid, tid, args }) => `${pid}.${tid} ${args!.name}`);
  const entries = trace.of(timeline(1, [span(0, "wait", 1, 2), span(0, "write", 3, 4, { bucket: 0 })]), 5);
  assert.deepEqual(named(entries), ["1.0 rank 0", "1.0 shards", "1.1 gradients written"]);
  assert.equal(entries[0]!.name, "process_name");
  assert.deepEqual(named(trace.of(timeline(2, [span(0, "wait", 6, 7)]), 8)), []);
});

test("each device of a rank has a row of its own, named when it is met", () => {
  const trace = new TraceEntries(0, { from: 1, to: 9 }, 0);
  const spans = [span(0, "device", 1, 3, { shard: 2, device: 0 }), span(0, "device", 2, 4, { shard: 2, device: 1 })];
  const entries = trace.of(timeline(1, spans), 5);
  assert.deepEqual(
    entries.filter(({ name, tid }) => name === "thread_name" && tid > 1).map(({ pid, tid, args }) => [pid, tid, args]),
    [
      [1, 2, { name: "device 0" }],
      [1, 3, { name: "device 1" }],
    ],
  );
  assert.deepEqual(
    real(entries).map(({ name, tid, ts, dur }) => [name, tid, ts, dur]),
    [
      ["computes, shard 2", 2, 1000, 2000],
      ["computes, shard 2", 3, 2000, 2000],
    ],
  );
  assert.equal(trace.of(timeline(2, spans), 5).length, 2);
});

test("evaluations and checkpoints took their time until now; deaths and starts are instants", () => {
  const trace = new TraceEntries(0, { from: 1, to: 9 }, 0);
  const evaluated = { event: "eval", step: 4, duration_seconds: 0.5 } as Parameters<TraceEntries["of"]>[0];
  const saved = { event: "checkpoint", step: 4, duration_seconds: 0.25 } as Parameters<TraceEntries["of"]>[0];
  const [evaluation] = real(trace.of(evaluated, 2000));
  assert.deepEqual(
    [evaluation!.name, evaluation!.ts, evaluation!.dur],
    ["evaluation after step 4", 1_500_000, 500_000],
  );
  const [checkpoint] = real(trace.of(saved, 2000));
  assert.deepEqual([checkpoint!.name, checkpoint!.ts, checkpoint!.tid], ["checkpoint of step 4", 1_750_000, 4]);
  const [death] = real(trace.of(lost, 3000));
  const args = { incarnation: 0, pid: 77, detail: "killed" };
  assert.deepEqual(death, { name: "rank 1 lost", ph: "i", s: "g", pid: 2, tid: 0, ts: 3_000_000, args });
  assert.deepEqual(real(trace.of({ ...lost, state: "working" }, 3000)), []);
});

test("only its own steps are in it, and what happened from the commit before them to the one after", () => {
  const trace = new TraceEntries(0, { from: 5, to: 6 }, 3);
  const has = () => real(trace.of(lost, 1)).length > 0;
  assert.ok(!has());
  for (const [step, inside] of [
    [4, true],
    [5, true],
    [6, true],
    [7, false],
  ] as const) {
    trace.of(committed(step), 1);
    assert.deepEqual([has(), trace.over], [inside, step > 6]);
  }
});
