import assert from "node:assert/strict";
import { test } from "node:test";
import type { Origin } from "../../../../src/coordinator/training/step.js";
import { StepUpdate } from "../../../../src/coordinator/training/update.js";
import { DoubleBuffer } from "../../../../src/coordinator/training/weights.js";
import { ADD } from "../../../../src/parameters/tree.js";
import { filled, testLayout } from "../../../support/fake-worker.js";
import { trainingMemory } from "../../../support/training-memory.js";

const LAYOUT = testLayout();

function begin({ clipGradNorm = null as number | null, optimizer = "sgd" as "sgd" | "adam" } = {}) {
  const weights = filled(LAYOUT, (index) => index + 1);
  const memory = trainingMemory(LAYOUT, { optimizer: { name: optimizer } });
  const buffer = new DoubleBuffer(memory, {
    step: 2,
    weights,
    state: new Float32Array(LAYOUT.stateSize),
    slots: {},
    ema: null,
    residuals: [],
  });
  const updated: number[] = [];
  const update = new StepUpdate(buffer, {
    step: 3,
    lr: 0.5,
    clipGradNorm,
    now: () => 0,
    updated: (bucket) => void updated.push(bucket),
  });
  const place = (shard: number, bucket: number) => memory.gradient(shard, LAYOUT.buckets[bucket]!);
  /** A bucket's gradient, from one shard. */
  const complete = (bucket: number) => {
    place(0, bucket).fill(0.5);
    update.complete(bucket, [0], []);
  };
  return { weights, buffer, update, updated, place, complete };
}

test("each bucket is updated at once, in whatever order they come; the version before stays whole", () => {
  const run = begin();
  for (const [count, bucket] of [2, 0, 1].entries()) {
    run.complete(bucket);
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
  assert.equal(run.update.gradientNorm, Math.sqrt(LAYOUT.parameters * 0.25));
});

test("with clipping nothing is updated before the norm is known, and all of it is scaled by the same", () => {
  const run = begin({ clipGradNorm: 0.1 });
  for (const bucket of [1, 2]) run.complete(bucket);
  assert.deepEqual(run.updated, []);
  run.complete(0);
  assert.deepEqual(run.updated.toSorted(), [0, 1, 2]);
  const norm = Math.sqrt(LAYOUT.parameters * 0.25);
  assert.equal(run.update.gradientNorm, norm);
  const scale = 0.1 / (norm + 1e-6);
  for (const { offset, size } of LAYOUT.buckets)
    for (let index = offset; index < offset + size; index++)
      assert.equal(run.buffer.half(3).weights[index], Math.fround(run.weights[index]! - 0.5 * 0.5 * scale));
});

test("an optimizer's vectors lie in the double buffer too", () => {
  const run = begin({ optimizer: "adam" });
  for (const { index } of LAYOUT.buckets) run.complete(index);
  for (const [name, vector] of Object.entries(run.buffer.half(3).slots)) {
    for (const { offset, size } of LAYOUT.buckets)
      assert.ok(
        vector.subarray(offset, offset + size).every((value) => value !== 0),
        name,
      );
    assert.ok(
      run.buffer.half(2).slots[name]!.every((value) => value === 0),
      name,
    );
  }
});

test("a gradient that is not finite is told with parameter, shards and rank, before the step is committed", () => {
  const BUCKET = 1;
  const told = (
    parts: readonly (Origin & { value: number })[],
    additions: readonly number[],
    clipGradNorm: number | null,
  ) => {
    const run = begin({ clipGradNorm });
    for (const { range, value } of parts) run.place(range.start, BUCKET)[1] = value;
    let message = "";
    assert.throws(
      () => run.update.complete(BUCKET, additions, parts),
      (error: Error & { code?: string }) => {
        message = error.message;
        return error.code === "not-finite";
      },
    );
    assert.deepEqual(run.updated, []);
    return message;
  };
  const part = (rank: number, start: number, end: number, value: number) => ({
    from: `rank ${rank}`,
    range: { start, end },
    value,
  });
  const slot = LAYOUT.buckets[BUCKET]!.slots[0]!.name;
  for (const clip of [null, 1]) {
    const two = [0, 2, ADD];
    assert.ok(
      told([part(0, 0, 2, 1), part(1, 2, 4, Number.NaN)], two, clip).startsWith(
        `step 3: the gradient of ${slot} is not finite (NaN), from shards 2 to 3, rank 1;`,
      ),
    );
    assert.ok(
      told([part(0, 0, 2, Number.POSITIVE_INFINITY), part(1, 2, 4, 1)], two, clip).startsWith(
        `step 3: the gradient of ${slot} is not finite (Infinity), from shards 0 to 1, rank 0;`,
      ),
    );
    const three = [part(0, 0, 1, 1), part(1, 1, 2, Number.NaN), part(2, 2, 3, Number.NaN)];
    assert.ok(
      told(three, [0, 1, ADD, 2, ADD], clip).startsWith(
        `step 3: the gradient of ${slot} is not finite (NaN), from shard 1, rank 1 and from shard 2, rank 2;`,
      ),
    );
    const large = 3e38;
    assert.ok(
      told([part(0, 0, 2, large), part(1, 2, 4, large)], two, clip).startsWith(
        "step 3: the sum of the gradients is not finite, from shards 0 to 1, rank 0 and from shards 2 to 3, rank 1;",
      ),
    );
  }
});
