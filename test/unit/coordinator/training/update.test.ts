import assert from "node:assert/strict";
import { test } from "node:test";
import type { SummedPart } from "../../../../src/coordinator/training/step.js";
import { StepUpdate } from "../../../../src/coordinator/training/update.js";
import { DoubleBuffer } from "../../../../src/coordinator/training/weights.js";
import { createOptimizer } from "../../../../src/optim/optimizers.js";
import { testLayout } from "../../../support/fake-worker.js";
import { testRecipe } from "../../../support/recipe.js";

const LAYOUT = testLayout();

function begin({ clipGradNorm = null as number | null, optimizer = "sgd" as "sgd" | "adam" } = {}) {
  const weights = Float32Array.from({ length: LAYOUT.size }, (_, index) => index + 1);
  const rule = createOptimizer({ ...testRecipe(), name: optimizer });
  const buffer = new DoubleBuffer(
    LAYOUT,
    { step: 2, weights, state: new Float32Array(LAYOUT.stateSize), slots: {} },
    rule.slotNames,
  );
  const updated: number[] = [];
  const update = new StepUpdate(buffer, rule, {
    step: 3,
    lr: 0.5,
    clipGradNorm,
    now: () => 0,
    updated: (bucket) => void updated.push(bucket),
  });
  return { weights, buffer, update, updated };
}

const gradientOf = (bucket: number, value = 0.5) => new Float32Array(LAYOUT.buckets[bucket]!.size).fill(value);

test("each bucket is updated at once, in whatever order they come; the version before stays whole", () => {
  const run = begin();
  for (const [count, bucket] of [2, 0, 1].entries()) {
    run.update.reduced(bucket, gradientOf(bucket), []);
    assert.equal(run.updated.length, count + 1);
    assert.deepEqual(
      run.buffer.view(3).bucket(bucket),
      run.buffer
        .view(2)
        .bucket(bucket)
        .map((value) => value - 0.25),
    );
  }
  run.update.reducedState(Float32Array.of(1, 2, 3, 4));
  assert.deepEqual(run.updated, [2, 0, 1, -1]);
  assert.deepEqual(run.buffer.view(3).bucket(-1), Float32Array.of(1, 2, 3, 4));
  assert.deepEqual(run.buffer.view(2).bucket(-1), new Float32Array(4));
  assert.deepEqual(run.buffer.half(2).weights, run.weights);
  assert.equal(run.update.gradientNorm, Math.sqrt(LAYOUT.size * 0.25));
});

test("with clipping nothing is updated before the norm is known, and all of it is scaled by the same", () => {
  const run = begin({ clipGradNorm: 0.1 });
  for (const bucket of [1, 2]) run.update.reduced(bucket, gradientOf(bucket), []);
  assert.deepEqual(run.updated, []);
  run.update.reduced(0, gradientOf(0), []);
  assert.deepEqual(run.updated.toSorted(), [0, 1, 2]);
  const norm = Math.sqrt(LAYOUT.size * 0.25);
  assert.equal(run.update.gradientNorm, norm);
  const scale = 0.1 / (norm + 1e-6);
  run.buffer.half(3).weights.forEach((value, index) => {
    assert.ok(Math.abs(value - (run.weights[index]! - 0.5 * 0.5 * scale)) < 1e-6);
  });
});

test("an optimizer's vectors lie in the double buffer too", () => {
  const run = begin({ optimizer: "adam" });
  for (const { index } of LAYOUT.buckets) run.update.reduced(index, gradientOf(index), []);
  for (const [name, vector] of Object.entries(run.buffer.half(3).slots)) {
    assert.ok(
      vector.every((value) => value !== 0),
      name,
    );
    assert.ok(
      run.buffer.half(2).slots[name]!.every((value) => value === 0),
      name,
    );
  }
});

test("a gradient that is not finite is told with parameter, shards and rank, before anything is updated", () => {
  const part = (rank: number, start: number, end: number, intact: boolean, value: number): SummedPart => ({
    from: `rank ${rank}`,
    range: { start, end },
    values: gradientOf(1, value),
    intact,
  });
  const told = (parts: readonly SummedPart[]) => {
    const run = begin();
    const bad = gradientOf(1);
    bad[1] = Number.NaN;
    let message = "";
    assert.throws(
      () => run.update.reduced(1, bad, parts),
      (error: Error & { code?: string }) => {
        message = error.message;
        return error.code === "not-finite";
      },
    );
    assert.deepEqual(run.updated, []);
    return message;
  };
  const slot = LAYOUT.buckets[1]!.slots[0]!.name;
  const start = `step 3: the gradient of ${slot} is not finite (NaN), from`;
  // Rank 1's own values are to blame for rank 0's, onto which they were added.
  assert.ok(
    told([part(0, 0, 2, false, Number.NaN), part(1, 2, 4, true, Number.NaN)]).startsWith(
      `${start} shards 2 to 3, rank 1;`,
    ),
  );
  assert.ok(
    told([part(0, 0, 2, false, Number.NaN), part(1, 2, 4, true, 1)]).startsWith(`${start} shards 0 to 1, rank 0;`),
  );
  assert.ok(
    told([
      part(0, 0, 1, false, Number.NaN),
      part(1, 1, 2, true, Number.NaN),
      part(2, 2, 3, true, Number.NaN),
    ]).startsWith(`${start} shard 1, rank 1 and from shard 2, rank 2;`),
  );
});
