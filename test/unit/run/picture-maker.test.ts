import assert from "node:assert/strict";
import { test } from "node:test";
import type { RunEvent } from "../../../src/events.js";
import { type Drawn, type PictureJob, PictureMaker } from "../../../src/run/picture-maker.js";

const evaluated = (step: number, best: boolean): RunEvent => ({
  event: "eval",
  epoch: step - 1,
  step,
  loss: 1,
  accuracy: 0.5,
  samples: 10,
  duration_seconds: 1,
  weights: "raw",
  best,
});
const saved = (step: number): RunEvent => ({
  event: "checkpoint",
  step,
  path: `step-${step}`,
  size_bytes: 1,
  duration_seconds: 1,
});
const NONE: Drawn = { pictures: [], missing: [] };
const turn = () => new Promise((resolve) => setImmediate(resolve));

function made(best: number | null = null) {
  const jobs: {
    job: PictureJob;
    signal: AbortSignal;
    resolve: (drawn: Drawn) => void;
    reject: (error: Error) => void;
  }[] = [];
  const events: RunEvent[] = [];
  const kept: (readonly number[])[] = [];
  const maker = new PictureMaker(
    {
      draw: (job, signal) =>
        new Promise((resolve, reject) => {
          jobs.push({ job, signal, resolve, reject });
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
      keep: async (steps) => void kept.push(steps),
      now: () => 0,
      emit: (event) => void events.push(event),
    },
    best,
  );
  const step = (number: number, best: boolean) => {
    maker.observe(evaluated(number, best));
    maker.observe(saved(number));
  };
  const steps = () => jobs.map(({ job }) => job.step);
  return { maker, jobs, events, kept, step, steps };
}

test("an evaluated step is drawn once it is saved; a checkpoint without an evaluation is not", async () => {
  const { maker, jobs, events, steps } = made();
  maker.observe(saved(1));
  maker.observe(evaluated(2, true));
  assert.deepEqual(steps(), []);
  maker.observe(saved(2));
  assert.deepEqual(jobs[0]!.job, { step: 2, epoch: 1, best: true, checkpoint: "step-2" });
  jobs[0]!.resolve({ pictures: [{ what: "filters", file: "f", title: "t", width: 1, height: 1 }], missing: [] });
  await maker.settle();
  assert.deepEqual(events, [
    {
      event: "pictures",
      step: 2,
      epoch: 1,
      best: true,
      pictures: [{ what: "filters", file: "f", title: "t", width: 1, height: 1 }],
      duration_seconds: 0,
    },
  ]);
});

test("a step whose checkpoint was never written is not drawn, and those after it are", async () => {
  const { maker, step, steps } = made();
  maker.observe(evaluated(1, true));
  step(2, false);
  maker.observe(saved(1));
  assert.deepEqual(steps(), [2]);
});

test("while one is drawn, of those that come the newest and the best wait", async () => {
  const { maker, jobs, step, steps } = made();
  step(1, true);
  step(2, false);
  step(3, true);
  step(4, false);
  step(5, false);
  jobs[0]!.resolve(NONE);
  await turn();
  jobs[1]!.resolve(NONE);
  await turn();
  jobs[2]!.resolve(NONE);
  await maker.settle();
  assert.deepEqual(steps(), [1, 3, 5]);
});

test("the newest and the best are kept, over a resume too", async () => {
  const { maker, jobs, kept, step } = made(7);
  for (const [number, best] of [
    [8, false],
    [9, true],
    [10, false],
  ] as const) {
    step(number, best);
    jobs.at(-1)!.resolve(NONE);
    await maker.settle();
  }
  assert.deepEqual(kept, [
    [8, 7],
    [9, 9],
    [10, 9],
  ]);
});

test("what cannot be drawn is told once, and a failure does not end the drawing", async () => {
  const { maker, jobs, events, step } = made();
  const told = () => events.flatMap((event) => (event.event === "log" ? [event.message] : []));
  step(1, false);
  jobs[0]!.reject(new Error("the checkpoint is gone"));
  await maker.settle();
  assert.deepEqual(told(), ["the pictures of step 1 were not drawn: the checkpoint is gone"]);
  for (const number of [2, 3]) {
    step(number, false);
    jobs.at(-1)!.resolve({ pictures: [], missing: ["there is no picture of gradcam: no maps"] });
    await maker.settle();
  }
  assert.deepEqual(told().slice(1), ["there is no picture of gradcam: no maps"]);
});

test("at the end what is being drawn is left, without a word", async () => {
  const { maker, jobs, events, step, steps } = made();
  step(1, true);
  step(2, true);
  await maker.close();
  assert.ok(jobs[0]!.signal.aborted);
  assert.deepEqual([steps(), events], [[1], []]);
});
