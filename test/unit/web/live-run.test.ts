import assert from "node:assert/strict";
import { test } from "node:test";
import type { History } from "../../../src/web/history.js";
import { LiveRun } from "../../../src/web/live-run.js";
import { pageEvent } from "../../../src/web/state/page-event.js";
import { advance, emptyRunState, type RunState } from "../../../src/web/state/run-state.js";
import { FakeResponse } from "../../support/fake-response.js";
import { PLAN, STEP } from "../../support/run-events.js";

const plan = { ...PLAN, start_step: 0, resumed_from: null };

function stateOf(response: FakeResponse): RunState {
  const found = /event: state\ndata: (.*)\n\n/.exec(response.text);
  return JSON.parse(found![1]!) as RunState;
}

test("whoever opens it gets everything so far, and then what happens, some at a time", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const run = new LiveRun({ history: null, now: () => 5000 });
  run.observe(plan);
  run.observe({ ...STEP, step: 1 });
  const response = new FakeResponse();
  await run.open(response.asResponse());
  assert.deepEqual(stateOf(response).curves.step, [1]);
  assert.equal(stateOf(response).time, 5);
  const before = response.text.length;
  run.observe({ ...STEP, step: 2 });
  run.observe({ ...STEP, step: 3 });
  assert.equal(response.text.length, before, "nothing is sent at once");
  context.mock.timers.tick(1000);
  const [, data] = /^data: (.*)\n\n$/.exec(response.text.slice(before))!;
  assert.deepEqual(
    (JSON.parse(data!) as [number, { event: string; step?: number; last?: { step: number } }][]).map(
      ([time, { event, step, last }]) => [time, event, step ?? last?.step],
    ),
    [
      [5, "step", 2],
      [5, "steps", 3],
    ],
  );
});

test("what does not come with every step is told soon, with all before it; the rest once a second", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const run = new LiveRun({ history: null, now: () => 0 });
  run.observe(plan);
  const response = new FakeResponse();
  await run.open(response.asResponse());
  const told = () =>
    [...response.text.matchAll(/^data: (\[.*)$/gm)].map(([, data]) =>
      (JSON.parse(data!) as [number, { event: string }][]).map(([, { event }]) => event),
    );
  run.observe({ ...STEP, step: 1 });
  context.mock.timers.tick(900);
  assert.deepEqual(told(), []);
  run.observe({ event: "log", level: "warn", message: "a worker was lost" });
  context.mock.timers.tick(100);
  assert.deepEqual(told(), [], "it waits for others");
  run.observe({ ...STEP, step: 2 });
  context.mock.timers.tick(100);
  assert.deepEqual(told(), [["step", "log", "step"]]);
  run.observe({ ...STEP, step: 3 });
  context.mock.timers.tick(999);
  assert.equal(told().length, 1);
  context.mock.timers.tick(1);
  assert.deepEqual(told()[1], ["step"]);
});

test("one that comes later gets no event twice", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const run = new LiveRun({ history: null, now: () => 0 });
  run.observe(plan);
  const [first, second] = [new FakeResponse(), new FakeResponse()];
  await run.open(first.asResponse());
  run.observe({ ...STEP, step: 1 });
  await run.open(second.asResponse());
  context.mock.timers.tick(1000);
  assert.match(first.text, /data: \[\[0,\{"event":"step","step":1,/);
  assert.deepEqual(stateOf(second).curves.step, [1]);
  assert.doesNotMatch(second.text, /\ndata: \[\[/);
});

test("what happens while the records are read comes after them; records that cannot be read are told", async () => {
  const state = emptyRunState();
  for (const event of [plan, { ...STEP, step: 1 }]) advance(state, [1, pageEvent(event)!]);
  let read: (history: History) => void = () => {};
  const history = new Promise<History>((resolve) => {
    read = resolve;
  });
  const run = new LiveRun({ history, now: () => 9000 });
  run.observe({ ...plan, start_step: 1 });
  run.observe({ ...STEP, step: 2 });
  const response = new FakeResponse();
  const opened = run.open(response.asResponse());
  read({ state, bytes: 1 });
  await opened;
  assert.deepEqual(stateOf(response).curves.step, [1, 2]);
  assert.equal(stateOf(response).lives.length, 2);

  const broken = new LiveRun({ history: Promise.reject(new Error("no thread")), now: () => 0 });
  broken.observe(plan);
  const told = new FakeResponse();
  await broken.open(told.asResponse());
  assert.match(stateOf(told).messages[0]!.message, /records could not be read.*no thread/);
});

test("a timeline is wanted of three steps in two seconds, and only while somebody looks", async () => {
  let now = 0;
  const run = new LiveRun({ history: null, now: () => now });
  const wanted = () => Array.from({ length: 5 }, () => run.wantsTimeline());
  assert.deepEqual(wanted(), [false, false, false, false, false]);
  const response = new FakeResponse();
  await run.open(response.asResponse());
  assert.deepEqual(wanted(), [true, true, true, false, false]);
  now = 1000;
  assert.deepEqual(wanted(), [false, false, false, false, false]);
  now = 2001;
  assert.deepEqual(wanted(), [true, true, true, false, false]);
  response.emit("close");
  now = 9000;
  assert.equal(run.wantsTimeline(), false);
});

test("a page that reads nothing is cut off, and more pages than there may be are refused", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout", "setInterval"] });
  const run = new LiveRun({ history: null, now: () => 0 });
  run.observe(plan);
  const slow = new FakeResponse();
  await run.open(slow.asResponse());
  slow.writableLength = 9e6;
  run.observe({ ...STEP, step: 1 });
  context.mock.timers.tick(1000);
  assert.equal(slow.destroyed, true);
  const all = await Promise.all(
    Array.from({ length: 33 }, async () => {
      const response = new FakeResponse();
      await run.open(response.asResponse());
      return response.status;
    }),
  );
  assert.deepEqual([all.filter((status) => status === 200).length, all.at(-1)], [32, 503]);
});
