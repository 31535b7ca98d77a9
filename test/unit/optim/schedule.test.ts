import assert from "node:assert/strict";
import { test } from "node:test";
import { afterEvaluation, learningRate, NEW_SCHEDULE, type ScheduleConfig } from "../../../src/optim/schedule.js";
import { readFixture } from "../../support/fixtures.js";

const fixture = readFixture<{ losses: number[]; schedules: Record<"step" | "cosine" | "plateau", number[]> }>(
  "optim.json",
);
const config = (changes: Partial<ScheduleConfig>): ScheduleConfig => ({
  lr: 0.1,
  lrScheduler: "constant",
  lrStepSize: 3,
  lrGamma: 0.5,
  lrPatience: 2,
  lrWarmupEpochs: 0,
  ...changes,
});
const at = (step: number, schedule = NEW_SCHEDULE) => ({ step, stepsPerEpoch: 1, totalSteps: 12, schedule });

for (const name of ["step", "cosine"] as const) {
  test(`${name}: the rates of torch.optim.lr_scheduler`, () => {
    fixture.schedules[name].forEach((expected, epoch) => {
      assert.ok(Math.abs(learningRate(config({ lrScheduler: name }), at(epoch)) - expected) < 1e-9);
    });
  });
}

test("plateau: cuts when ReduceLROnPlateau does", () => {
  let state = NEW_SCHEDULE;
  fixture.losses.forEach((loss, epoch) => {
    const rate = learningRate(config({ lrScheduler: "plateau" }), at(epoch, state));
    assert.ok(Math.abs(rate - fixture.schedules.plateau[epoch]!) < 1e-12, `epoch ${epoch}: ${rate}`);
    state = afterEvaluation(config({ lrScheduler: "plateau" }), state, loss);
  });
});

test("warm-up rises linearly over its steps and then hands over", () => {
  const warm = config({ lrWarmupEpochs: 0.5 });
  const rates = [0, 1, 2, 3, 4].map((step) =>
    learningRate(warm, { step, stepsPerEpoch: 8, totalSteps: 80, schedule: NEW_SCHEDULE }),
  );
  assert.deepEqual(
    rates.map((rate) => Math.round(rate * 1e6) / 1e6),
    [0.025, 0.05, 0.075, 0.1, 0.1],
  );
});

test("cosine after a warm-up: equation 5 of SGDR over the steps that are left", () => {
  const warm = config({ lrScheduler: "cosine", lrWarmupEpochs: 1 });
  const rate = (step: number) =>
    learningRate(warm, { step, stepsPerEpoch: 10, totalSteps: 110, schedule: NEW_SCHEDULE });
  assert.equal(rate(9), 0.1);
  for (const [step, expected] of [
    [10, 0.1],
    [35, 0.1 * (0.5 + Math.SQRT1_2 / 2)],
    [60, 0.05],
    [110, 0],
    [500, 0],
  ] as const) {
    assert.ok(Math.abs(rate(step) - expected) < 1e-15, `step ${step}: ${rate(step)} against ${expected}`);
  }
});

test("step cuts at whole epochs, and constant never", () => {
  const rate = (name: "step" | "constant", step: number) =>
    learningRate(config({ lrScheduler: name }), { step, stepsPerEpoch: 7, totalSteps: 70, schedule: NEW_SCHEDULE });
  assert.deepEqual(
    [0, 20, 21, 41, 42].map((step) => rate("step", step)),
    [0.1, 0.1, 0.05, 0.05, 0.025],
  );
  assert.deepEqual(
    [0, 21, 69].map((step) => rate("constant", step)),
    [0.1, 0.1, 0.1],
  );
});

test("only plateau remembers evaluations; a loss that is not a number is no improvement", () => {
  const plateau = config({ lrScheduler: "plateau", lrPatience: 0 });
  assert.deepEqual(afterEvaluation(config({}), NEW_SCHEDULE, 0.5), NEW_SCHEDULE);
  const first = afterEvaluation(plateau, NEW_SCHEDULE, 0.5);
  assert.deepEqual(first, { factor: 1, best: 0.5, waited: 0 });
  assert.deepEqual(afterEvaluation(plateau, first, Number.NaN), { factor: 0.5, best: 0.5, waited: 0 });
});
