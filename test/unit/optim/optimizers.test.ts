import assert from "node:assert/strict";
import { test } from "node:test";
import type { Buffers, OptimizerConfig } from "../../../src/optim/optimizer.js";
import { createOptimizer } from "../../../src/optim/optimizers.js";
import { clipScale, sumOfSquares } from "../../../src/optim/schedule.js";
import { readFixture } from "../../support/fixtures.js";

interface Fixture {
  w0: number[];
  gradients: number[][];
  lr: number;
  cases: Record<string, { config: Partial<OptimizerConfig> & Pick<OptimizerConfig, "name">; weights: number[][] }>;
  clip: { limit: number; norm: number; clipped: number[] }[];
}
const fixture = readFixture<Fixture>("optim.json");
const DEFAULTS = { momentum: 0, weightDecay: 0, beta1: 0.9, beta2: 0.999, rho: 0.99, epsilon: 1e-8 };

const near = (received: number, expected: number, tolerance = 1e-6) =>
  assert.ok(
    Math.abs(received - expected) <= tolerance * Math.max(1, Math.abs(expected)),
    `${received} against ${expected}`,
  );

for (const [name, { config, weights }] of Object.entries(fixture.cases)) {
  test(`${name}: twenty steps as torch.optim takes them`, () => {
    const optimizer = createOptimizer({ ...DEFAULTS, ...config });
    const size = fixture.w0.length;
    const half = (): Buffers => ({
      weights: new Float32Array(size),
      slots: Object.fromEntries(optimizer.slotNames.map((slot) => [slot, new Float32Array(size)])),
    });
    const halves: [Buffers, Buffers] = [half(), half()];
    halves[0].weights.set(fixture.w0);
    fixture.gradients.forEach((gradient, index) => {
      const [from, to] = index % 2 === 0 ? halves : [halves[1], halves[0]];
      // In two pieces, the second with an offset, as buckets come.
      for (const [start, end] of [
        [0, 2],
        [2, size],
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
      for (const [at, expected] of weights[index]!.entries()) near(to.weights[at]!, expected);
    });
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
