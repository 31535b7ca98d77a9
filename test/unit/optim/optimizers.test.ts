import assert from "node:assert/strict";
import { test } from "node:test";
import { clipScale, sumOfSquares } from "../../../src/optim/clipping.js";
import type { Buffers, Optimizer, OptimizerConfig } from "../../../src/optim/optimizer.js";
import { createOptimizer } from "../../../src/optim/optimizers.js";
import { readFixture } from "../../support/fixtures.js";

interface Fixture {
  w0: number[];
  gradients: number[][];
  lr: number;
  cases: Record<string, { config: Partial<OptimizerConfig> & Pick<OptimizerConfig, "name">; weights: number[][] }>;
  undecayed: { elements: number[]; cases: Record<string, number[][]> };
  clip: { limit: number; norm: number; clipped: number[] }[];
}
const fixture = readFixture<Fixture>("optim.json");
const DEFAULTS = { momentum: 0, weightDecay: 0, beta1: 0.9, beta2: 0.999, rho: 0.99, epsilon: 1e-8 };

const near = (received: number, expected: number, tolerance = 1e-6) =>
  assert.ok(
    Math.abs(received - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `${received} against ${expected}`,
  );

/** The fixture's steps, in two pieces each, the second with an offset, as buckets come; the weights after each step. */
function weightsAfterEachStep(optimizer: Optimizer, cut = 2): Float32Array[] {
  const size = fixture.w0.length;
  const half = (): Buffers => ({
    weights: new Float32Array(size),
    slots: Object.fromEntries(optimizer.slotNames.map((slot) => [slot, new Float32Array(size)])),
  });
  const halves: [Buffers, Buffers] = [half(), half()];
  halves[0].weights.set(fixture.w0);
  return fixture.gradients.map((gradient, index) => {
    const [from, to] = index % 2 === 0 ? halves : [halves[1], halves[0]];
    for (const [start, end] of [
      [0, cut],
      [cut, size],
    ] as const) {
      optimizer.apply({
        from,
        to,
        gradients: Float32Array.from(gradient.slice(start, end)),
        gradientOffset: start,
        start,
        end,
        lr: fixture.lr,
        step: index + 1,
        scale: 1,
      });
    }
    return to.weights.slice();
  });
}

function assertNear(received: readonly Float32Array[], expected: readonly number[][]): void {
  assert.equal(received.length, expected.length);
  for (const [step, weights] of expected.entries())
    for (const [at, value] of weights.entries()) near(received[step]![at]!, value);
}

for (const [name, { config, weights }] of Object.entries(fixture.cases)) {
  test(`${name}: twenty steps as torch.optim takes them`, () => {
    assertNear(weightsAfterEachStep(createOptimizer({ ...DEFAULTS, ...config })), weights);
  });

  test(`${name}: parameters without weight decay, as a parameter group of torch.optim`, () => {
    const { elements, cases } = fixture.undecayed;
    const undecayed = elements.map((offset) => ({ offset, size: 1 })).reverse();
    const spared = createOptimizer({ ...DEFAULTS, ...config }, undecayed);
    assertNear(weightsAfterEachStep(spared), cases[name]!);
    assert.deepEqual(weightsAfterEachStep(spared, 3), weightsAfterEachStep(spared)); // wherever a bucket ends
    const none = weightsAfterEachStep(createOptimizer({ ...DEFAULTS, ...config, weightDecay: 0 })).at(-1)!;
    const all = weightsAfterEachStep(createOptimizer({ ...DEFAULTS, ...config })).at(-1)!;
    const some = weightsAfterEachStep(spared).at(-1)!;
    for (const at of fixture.w0.keys()) assert.equal(some[at], (elements.includes(at) ? none : all)[at]);
  });
}

test("clipping by the global norm, as clip_grad_norm_ does it", () => {
  const gradient = Float32Array.from(fixture.gradients[3]!);
  for (const { limit, norm, clipped } of fixture.clip) {
    near(Math.sqrt(sumOfSquares(gradient)), norm);
    const scale = clipScale(norm, limit);
    for (const [at, expected] of clipped.entries()) near(gradient[at]! * scale, expected);
  }
});
