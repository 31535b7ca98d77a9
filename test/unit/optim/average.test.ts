import assert from "node:assert/strict";
import { test } from "node:test";
import { average, averageShares } from "../../../src/optim/average.js";
import { readFixture } from "../../support/fixtures.js";

interface Fixture {
  cases: { momentum: { weights: number[][] } };
  ema: { decay: number; weights: number[][]; state: number[][]; raw_state: number[][] }[];
}
const { cases, ema } = readFixture<Fixture>("optim.json");

for (const { decay, weights, state, raw_state } of ema)
  test(`decay ${decay}: twenty commits as torch.optim.swa_utils averages parameters and buffers`, () => {
    for (const [raw, expected] of [
      [cases.momentum.weights, weights],
      [raw_state, state],
    ] as const) {
      let held = Float32Array.from(raw[0]!, () => 123); // the first commit leaves nothing of it
      for (const [index, values] of raw.entries()) {
        const next = new Float32Array(values.length);
        average(held, Float32Array.from(values), next, averageShares(decay, index + 1));
        held = next;
        for (const [at, value] of expected[index]!.entries())
          assert.ok(Math.abs(held[at]! - value) <= 1e-6 * Math.max(1, Math.abs(value)), `commit ${index + 1}`);
      }
    }
  });
