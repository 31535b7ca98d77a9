import assert from "node:assert/strict";
import { test } from "node:test";
import { addPoint, type Curves, cutBack, emptyCurves, MAX_POINTS } from "../../../../src/web/state/curves.js";

const PHASES = { wait: 0, input: 0, compute: 1, write: 0, reduce: 0, update: 0, commit: 0 };

function filled(steps: number, loss: (step: number) => number): Curves {
  const curves = emptyCurves();
  for (let step = 1; step <= steps; step++)
    addPoint(curves, {
      step,
      seconds: step / 10,
      metrics: { loss: loss(step), accuracy: 0.5, lr: 0.1, gradientNorm: step, speed: 100 },
      phases: { ...PHASES, wait: step },
    });
  return curves;
}

/** Every column has as many values as there are points. */
function assertWhole(curves: Curves): void {
  const columns = [curves.count, curves.seconds, ...Object.values(curves.phases)];
  for (const { mean, min, max } of Object.values(curves.metrics)) columns.push(mean, min, max);
  for (const column of columns) assert.equal(column.length, curves.step.length);
}

test("a short run keeps every step", () => {
  const curves = filled(100, (step) => 1 / step);
  assert.equal(curves.stride, 1);
  assert.deepEqual(curves.step.slice(0, 3), [1, 2, 3]);
  assert.deepEqual(curves.metrics.loss.mean.slice(0, 2), [1, 0.5]);
  assertWhole(curves);
});

test("a long run is bounded, and keeps each spike, the mean of everything and its last step", () => {
  const steps = 100_003;
  const spikes: Readonly<Record<number, number>> = { 7: 50, 31415: -40, 99999: 60 };
  const curves = filled(steps, (step) => spikes[step] ?? 1);
  assert.ok(
    curves.step.length <= MAX_POINTS && curves.step.length > MAX_POINTS / 2 - 1,
    `${curves.step.length} points`,
  );
  assert.equal(curves.stride, 128);
  assert.equal(Math.max(...curves.metrics.loss.max), 60);
  assert.equal(Math.min(...curves.metrics.loss.min), -40);
  assert.equal(curves.metrics.loss.max[0], 50);
  assert.equal(curves.step.at(-1), steps);
  assert.equal(curves.seconds.at(-1), steps / 10);
  assert.equal(
    curves.count.reduce((sum, count) => sum + count, 0),
    steps,
  );
  const mean = curves.metrics.gradientNorm.mean.reduce((sum, value, at) => sum + value * curves.count[at]!, 0) / steps;
  assert.ok(Math.abs(mean - (steps + 1) / 2) < 1e-3, `${mean}`);
  assert.ok(Math.abs(curves.phases.wait[0]! - 64.5) < 1e-9);
  assertWhole(curves);
});

test("points end at multiples of the stride, so that runs of equal length have the same ones", () => {
  const whole = filled(5000, (step) => Math.sin(step));
  assert.equal(whole.stride, 8);
  assert.ok(whole.step.slice(0, -1).every((step) => step % whole.stride === 0));
});

test("steps that are done again replace those that were", () => {
  const curves = filled(10, () => 1);
  cutBack(curves, 4);
  assert.deepEqual(curves.step, [1, 2, 3, 4]);
  assertWhole(curves);
  cutBack(curves, 0);
  assert.deepEqual(curves.step, []);
});

test("a point that spans the step to go back to keeps what it knew, and ends there", () => {
  const curves = filled(3000, () => 1);
  const { stride } = curves;
  assert.equal(stride, 4);
  cutBack(curves, 2001);
  assert.equal(curves.step.at(-1), 2001);
  assert.equal(curves.count.at(-1), 1);
  addPoint(curves, {
    step: 2002,
    seconds: 1,
    metrics: { loss: 9, accuracy: 0, lr: 0, gradientNorm: 0, speed: 0 },
    phases: PHASES,
  });
  assert.equal(curves.step.at(-1), 2002);
  assert.equal(curves.metrics.loss.max.at(-1), 9);
  assertWhole(curves);
});
