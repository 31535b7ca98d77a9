import assert from "node:assert/strict";
import { test } from "node:test";
import { type StepFacts, stepEvent, timelineEvent } from "../../../../src/coordinator/training/report.js";
import { COSTS, TIMES } from "../../../support/step-values.js";

const WRITE = { what: "write", shard: 0, bucket: 1, startMs: 200, endMs: 201 } as const;
const ranks = new Map([[0, { ...TIMES, spans: [WRITE] }]]);
const reduced = [{ bucket: 1, startMs: 201, endMs: 202 }];
const FACTS: StepFacts = {
  plan: { step: 5, version: 4, epoch: 1, stepInEpoch: 2, batch: 8, shards: 2, block: 1, empty: [], traced: true },
  result: { loss: 1.5, hits: 2, reduced, lastGradientMs: 260, costs: { ...COSTS, ranks } },
  times: {
    startMs: 0,
    endMs: 300,
    collectedMs: 290,
    ranks,
    reduced,
    updated: [{ bucket: 1, startMs: 202, endMs: 210 }],
  },
  lr: 0.1,
  gradientNorm: 2,
  lastGradientMs: -20,
  checkpointWaitMs: 40,
};

test("a step is told with its phases, its tail, and what it had to wait for", () => {
  const event = stepEvent(FACTS);
  const { step, accuracy, duration_seconds, samples_per_second, tail_seconds, checkpoint_wait_seconds } = event;
  assert.deepEqual([step, accuracy, duration_seconds], [5, 0.25, 0.3]);
  assert.equal(samples_per_second, 8 / 0.3);
  assert.deepEqual([tail_seconds, checkpoint_wait_seconds], [0.04, 0.04]);
  assert.deepEqual(event.coordinator, { reduce_seconds: 0.001, update_seconds: 0.008 });
  assert.deepEqual(event.worker_seconds, { "0": 0.25 });
  assert.equal(stepEvent({ ...FACTS, lastGradientMs: null }).tail_seconds, null);
});

test("its timeline holds what coordinator and ranks did, on one clock", () => {
  const { step, spans } = timelineEvent(FACTS);
  assert.equal(step, 5);
  assert.deepEqual(
    spans.map(({ rank, what, bucket, startMs, endMs }) => [rank, what, bucket, startMs, endMs]),
    [
      [null, "step", undefined, 0, 300],
      [null, "reduce", 1, 201, 202],
      [null, "update", 1, 202, 210],
      [null, "commit", undefined, 290, 300],
      [null, "tail", undefined, -20, 20],
      [0, "wait", undefined, 0, 10],
      [0, "write", 1, 200, 201],
      [0, "idle", undefined, 270, 300],
    ],
  );
  assert.ok(!timelineEvent({ ...FACTS, lastGradientMs: null }).spans.some(({ what }) => what === "tail"));
});
