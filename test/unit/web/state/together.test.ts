import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunEvent } from "../../../../src/events.js";
import { type Entry, pageEvent } from "../../../../src/web/state/page-event.js";
import { advance, emptyRunState, type RunState } from "../../../../src/web/state/run-state.js";
import { together } from "../../../../src/web/state/together.js";
import { PLAN, STEP } from "../../../support/run-events.js";

const plan = { ...PLAN, start_step: 0, resumed_from: null };
const lost = {
  event: "worker",
  rank: 0,
  incarnation: 0,
  state: "lost",
  pid: 1,
  device: "cpu",
  reason: "exit",
} as const;
const alive = { event: "heartbeat", rank: 0, rss_bytes: 5 } as unknown as RunEvent;
const worker = { event: "worker", rank: 0, incarnation: 0, state: "working", pid: 1, device: "cpu" } as const;
const phases = { shards: 1, wait_seconds: 0, input_seconds: 0, write_seconds: 0, idle_seconds: 0 };

const entry = (time: number, event: RunEvent): Entry => [time, pageEvent(event)!];

/** Numbers whose sums are exact. */
const stepEntry = (step: number): Entry =>
  entry(step, {
    ...STEP,
    step,
    loss: step % 8,
    duration_seconds: (step % 4) / 4,
    checkpoint_wait_seconds: step % 5 === 0 ? 0.5 : 0,
    ranks: { 0: { ...phases, compute_seconds: step / 8 } },
  });

const steps = (from: number, to: number): Entry[] =>
  Array.from({ length: to - from + 1 }, (_, index) => stepEntry(from + index));

/** As the server has it, and as a page has it that was told once. */
function both(
  before: readonly Entry[],
  entries: readonly Entry[],
): { server: RunState; page: RunState; told: Entry[] } {
  const server = emptyRunState();
  for (const each of before) advance(server, each);
  const page = structuredClone(server);
  for (const each of entries) advance(server, each);
  const told = together(entries, server.curves.stride);
  for (const each of JSON.parse(JSON.stringify(told)) as Entry[]) advance(page, each);
  return { server, page, told };
}

test("a page that is told once has what one has that is told of each step", () => {
  const before = [entry(0, plan), entry(0, worker), ...steps(1, 3)];
  const { server, page, told } = both(before, [...steps(4, 150), entry(150, alive), ...steps(151, 300)]);
  assert.deepEqual(
    told.map(([, { event }]) => event),
    ["step", "steps", "heartbeat"],
  );
  assert.deepEqual({ ...page, time: 0 }, { ...server, time: 0 });
});

test("points that stand for many steps are made once, and are the same", () => {
  const before = [entry(0, plan), ...steps(1, 5001)];
  const { server, page, told } = both(before, steps(5002, 5400));
  assert.ok(server.curves.stride >= 4);
  assert.ok(JSON.stringify(told).length < JSON.stringify(steps(5002, 5400)).length / 2);
  assert.deepEqual(page.curves.step, server.curves.step);
  assert.deepEqual(page.curves.count, server.curves.count);
  assert.deepEqual(page.curves.seconds, server.curves.seconds);
  assert.deepEqual(page.curves.metrics.loss.max, server.curves.metrics.loss.max);
  for (const [index, mean] of server.curves.metrics.loss.mean.entries())
    assert.ok(Math.abs(page.curves.metrics.loss.mean[index]! - mean) < 1e-9);
});

test("where there is room for half of the points, a page has them all in the same places in the end", () => {
  const before = [entry(0, plan), ...steps(1, 1000)];
  const { server, page } = both(before, steps(1001, 1200));
  assert.equal(server.curves.stride, 2);
  for (const each of steps(1201, 2600)) {
    advance(server, each);
    advance(page, each);
  }
  assert.deepEqual(page.curves.step, server.curves.step);
  assert.deepEqual(page.curves.count, server.curves.count);
});

test("news is told in its place, and what a loss cost is seen from the first step after it", () => {
  const before = [entry(0, plan), entry(0, worker), ...steps(1, 16)];
  const entries = [...steps(17, 20), entry(20, lost), ...steps(21, 400)];
  const { server, page, told } = both(before, entries);
  assert.deepEqual(
    told.map(([, { event }]) => event),
    ["step", "steps", "worker", "step", "steps"],
  );
  assert.notEqual(server.team.lost[0]!.extraSeconds, null);
  assert.deepEqual({ ...page, time: 0 }, { ...server, time: 0 });
});

test("steps that are done again, and steps with a gap, begin anew", () => {
  const kinds = (entries: readonly Entry[]) => together(entries, 1).map(([, { event }]) => event);
  assert.deepEqual(kinds([...steps(1, 5), ...steps(4, 8)]), ["step", "steps", "step", "steps"]);
  assert.deepEqual(kinds([...steps(1, 2), ...steps(5, 5)]), ["step", "steps", "step"]);
  assert.deepEqual(kinds([]), []);
});
