import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  rankPhases,
  type StepTimes,
  stepPhases,
  sumSeconds,
  tailSeconds,
} from "../../../../src/coordinator/training/phases.js";
import { TIMES } from "../../../support/step-values.js";

/** Two ranks; the second ends last, and one bucket is updated while it computes, one after that. */
const STEP: StepTimes = {
  startMs: 1000,
  endMs: 1400,
  collectedMs: 1390,
  ranks: new Map([
    [0, { ...TIMES, beganMs: 1010, computingMs: 1020, endedMs: 1270 }],
    [1, { ...TIMES, shards: 2, beganMs: 1015, computingMs: 1030, endedMs: 1350, inputMs: 15, computeMs: 320 }],
  ]),
  reduced: [{ bucket: 0, startMs: 1352, endMs: 1354 }],
  updated: [
    { bucket: 1, startMs: 1300, endMs: 1310 },
    { bucket: 0, startMs: 1345, endMs: 1380 },
  ],
};

test("phases follow the rank that ended last, then the coordinator, and add up to the step", () => {
  const phases = stepPhases(STEP);
  assert.deepEqual(phases, {
    wait_seconds: 0.015,
    input_seconds: 0.015,
    compute_seconds: 0.32,
    write_seconds: 0.008,
    reduce_seconds: 0.002,
    update_seconds: 0.03,
    commit_seconds: 0.01,
  });
});

test("each rank's own phases add up to the step as well, but for the gradients that it wrote while it computed", () => {
  const { 0: first, 1: second } = rankPhases(STEP);
  assert.deepEqual(first, {
    shards: 2,
    wait_seconds: 0.01,
    input_seconds: 0.01,
    compute_seconds: 0.25,
    write_seconds: 0.005,
    idle_seconds: 0.13,
  });
  assert.equal(second!.idle_seconds, 0.05);
});

test("phases are never negative and add up, whatever moments come", () => {
  const moment = fc.double({ min: 1000, max: 1400, noNaN: true });
  const duration = fc.double({ min: 0, max: 400, noNaN: true });
  const rank = fc.record({
    shards: fc.constant(1),
    beganMs: moment,
    computingMs: moment,
    endedMs: moment,
    inputMs: duration,
    computeMs: duration,
    writeMs: duration,
    spans: fc.constant([]),
  });
  fc.assert(
    fc.property(fc.array(rank, { maxLength: 4 }), moment, (ranks, collectedMs) => {
      const phases = stepPhases({ ...STEP, collectedMs, ranks: new Map(ranks.entries()), reduced: [], updated: [] });
      const values = Object.values(phases);
      assert.ok(values.every((value) => value >= 0));
      assert.ok(Math.abs(values.reduce((sum, value) => sum + value, 0) - 0.4) < 1e-9);
    }),
  );
});

test("the tail reaches from the last gradient to the first operation of any rank", () => {
  assert.equal(tailSeconds(1000, STEP.ranks), 0.02);
  assert.equal(tailSeconds(1025, STEP.ranks), 0, "a worker that began ahead");
});

test("all that the coordinator did counts, whenever it did it", () => {
  assert.equal(sumSeconds(STEP.updated), 0.045);
});
