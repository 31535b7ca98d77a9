import assert from "node:assert/strict";
import { test } from "node:test";
import type { EvalEvent, RankPhases, RunEvent, WorkerEvent } from "../../../../src/events.js";
import { pageEvent } from "../../../../src/web/state/page-event.js";
import { advance, bestOf, emptyRunState, type RunState } from "../../../../src/web/state/run-state.js";
import { waitingOf } from "../../../../src/web/state/timeline.js";
import { PLAN, STEP } from "../../../support/run-events.js";

const plan = { ...PLAN, start_step: 0, resumed_from: null };
const step = STEP;
const evaluation: EvalEvent = {
  event: "eval",
  epoch: 0,
  step: 1,
  loss: 1,
  accuracy: 0.5,
  samples: 10,
  duration_seconds: 1,
  weights: "raw",
  best: false,
};
const phases: RankPhases = {
  shards: 4,
  wait_seconds: 0,
  input_seconds: 0,
  compute_seconds: 0.3,
  write_seconds: 0,
  idle_seconds: 0,
};

function told(state: RunState, ...events: readonly [number | null, RunEvent][]): RunState {
  for (const [time, event] of events) {
    const shown = pageEvent(event);
    if (shown) advance(state, [time, shown]);
  }
  return state;
}

const worker = (given: Partial<WorkerEvent>): WorkerEvent => ({
  event: "worker",
  rank: 0,
  incarnation: 0,
  state: "working",
  pid: 1,
  device: "cpu",
  ...given,
});

test("steps become curves, tests points, of which the best is known", () => {
  const state = told(
    emptyRunState(),
    [1, plan],
    [2, { ...step, step: 1, duration_seconds: 0.5, checkpoint_wait_seconds: 0.25 }],
    [3, { ...evaluation, step: 1, accuracy: 0.5, duration_seconds: 1 }],
    [4, { ...step, step: 2, duration_seconds: 0.5, checkpoint_wait_seconds: 0 }],
    [5, { ...evaluation, step: 2, accuracy: 0.4, duration_seconds: 1 }],
  );
  assert.deepEqual(state.curves.step, [1, 2]);
  assert.deepEqual(state.curves.seconds, [0.75, 2.25]);
  assert.deepEqual(
    state.tests.map(({ seconds }) => seconds),
    [1.75, 3.25],
  );
  assert.equal(bestOf(state.tests)?.step, 1);
  assert.equal(state.last?.step, 2);
  assert.equal(state.time, 5);
  assert.deepEqual(JSON.parse(JSON.stringify(state)), state, "the state travels as JSON");
});

test("a run that goes on forgets what is done again, and its workers", () => {
  const state = told(
    emptyRunState(),
    [1, plan],
    [1, worker({})],
    ...[1, 2, 3, 4].map((each): [number, RunEvent] => [each, { ...step, step: each }]),
    [4, { ...evaluation, step: 4 }],
    [9, { ...plan, start_step: 2, resumed_from: "checkpoints/step-00000002" }],
  );
  assert.deepEqual(state.curves.step, [1, 2]);
  assert.deepEqual(state.tests, []);
  assert.deepEqual(state.team.workers, []);
  assert.equal(state.last, null);
  assert.deepEqual(state.lives, [
    { time: 1, step: 0 },
    { time: 9, step: 2 },
  ]);
});

test("steps that come a second time, of a coordinator that was killed, replace the first", () => {
  const state = told(
    emptyRunState(),
    [null, plan],
    ...[1, 2, 3, 2].map((each): [null, RunEvent] => [null, { ...step, step: each, loss: each }]),
  );
  assert.deepEqual(state.curves.step, [1, 2]);
  assert.equal(state.time, null);
});

test("a worker that was lost costs what its step took beyond the usual, and its time away", () => {
  const ranks = { "0": phases };
  const state = told(
    emptyRunState(),
    [0, plan],
    [1, worker({ state: "starting", pid: null })],
    [2, worker({ state: "working" })],
    ...[1, 2, 3].map((each): [number, RunEvent] => [3, { ...step, step: each, duration_seconds: 0.1 }]),
    [10, worker({ state: "lost", detail: "SIGKILL", reason: "exit", detection_seconds: 0.05, reassigned: 2 })],
    [10.5, { ...step, step: 4, duration_seconds: 0.4, ranks }],
    [11, worker({ incarnation: 1, state: "starting", pid: null })],
    [13, worker({ incarnation: 1, state: "ready", pid: 7 })],
    [14, { ...step, step: 5, duration_seconds: 5 }],
  );
  const [lost] = state.team.lost;
  assert.equal(state.team.lost.length, 1);
  assert.equal(lost?.detail, "SIGKILL");
  assert.equal(lost?.step, 3);
  assert.equal(lost?.reassigned, 2);
  assert.ok(Math.abs(lost!.extraSeconds! - 0.3) < 1e-9);
  assert.equal(lost?.awaySeconds, 3);
  const [row] = state.team.workers;
  assert.equal(row?.restarts, 1);
  assert.equal(row?.pid, 7);
  assert.equal(row?.state, "ready");
});

test("what an old incarnation says last changes nothing of the new one", () => {
  const state = told(
    emptyRunState(),
    [0, plan],
    [1, worker({ incarnation: 1, state: "ready" })],
    [2, worker({ incarnation: 0, state: "lost", reason: "silence" })],
  );
  assert.equal(state.team.workers[0]?.state, "ready");
  assert.equal(state.team.lost.length, 1);
});

test("memory comes with signs of life", () => {
  const beat: RunEvent = { event: "heartbeat", rank: 0, timestamp: 1, tensors: 1, tensor_bytes: 1, rss_bytes: 77 };
  const state = told(emptyRunState(), [0, plan], [1, worker({})], [2, beat]);
  assert.equal(state.team.workers[0]?.memory, 77);
});

test("a long run of many ranks stays small", () => {
  const ranks = Object.fromEntries(Array.from({ length: 256 }, (_, rank) => [rank, phases]));
  const state = emptyRunState();
  told(state, [0, plan]);
  for (let each = 1; each <= 20_000; each++) told(state, [each, { ...step, step: each, ranks }]);
  for (let each = 1; each <= 3000; each++)
    told(state, [each, { ...evaluation, step: 20_000, epoch: each, accuracy: each === 1001 ? 0.9 : 0.5 }]);
  assert.ok(JSON.stringify(state).length < 2_000_000, `${JSON.stringify(state).length} bytes`);
  assert.ok(state.recent.length >= 8);
  assert.ok(state.tests.length <= 1001);
  assert.equal(bestOf(state.tests)?.accuracy, 0.9);
});

test("who ended last is said, and who waited for it", () => {
  const ranks = {
    "0": { ...phases, idle_seconds: 0.011 },
    "1": { ...phases, idle_seconds: 0.001 },
    "2": { ...phases, idle_seconds: 0.021 },
  };
  const waiting = waitingOf([{ step: 9, seconds: 1, ranks }])!;
  assert.equal(waiting.last, 1);
  assert.deepEqual(
    waiting.waited.map(([rank, ms]) => [rank, Math.round(ms)]),
    [
      [2, 20],
      [0, 10],
    ],
  );
  assert.equal(waitingOf([{ step: 9, seconds: 1, ranks: { "0": phases } }]), null);
});
