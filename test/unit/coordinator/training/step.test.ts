import assert from "node:assert/strict";
import { test } from "node:test";
import { type Origin, StepSum } from "../../../../src/coordinator/training/step.js";
import type { StepPlan } from "../../../../src/membership/workers.js";
import { testLayout } from "../../../support/fake-worker.js";
import { COSTS, sumOf, weightsOf } from "../../../support/step-values.js";
import { Shelf } from "../../../support/training-memory.js";

const LAYOUT = testLayout();
const SIZE = LAYOUT.buckets[0]!.size;

function begin(changes: Partial<StepPlan> = {}) {
  const plan = {
    step: 5,
    version: 4,
    epoch: 1,
    stepInEpoch: 2,
    batch: 8,
    shards: 5,
    block: 1,
    empty: [],
    traced: false,
    ...changes,
  };
  const shelf = new Shelf();
  const reduced: { bucket: number; gradient: Float32Array; parts: readonly Origin[] }[] = [];
  const clock = { now: 0 };
  const sum = new StepSum(plan, weightsOf(LAYOUT, plan.version), {
    now: () => clock.now++,
    place: (shard, bucket) => shelf.place(shard, bucket, LAYOUT.buckets[bucket]!.size),
    residual: () => new Float32Array(LAYOUT.size),
    complete: (bucket, additions, parts) =>
      void reduced.push({ bucket, gradient: shelf.sum(bucket, additions), parts }),
    reducedState: (state) => void reduced.push({ bucket: -1, gradient: state.slice(), parts: [] }),
  });
  const part = (start: number, end: number, size: number = SIZE) => {
    const range = { start, end };
    return { from: `rank ${start}`, range, values: sumOf(range, size, plan.empty)! };
  };
  return { sum, shelf, reduced, part };
}

test("a bucket is handed on once, when its sum is whole, whatever order its parts come in", () => {
  const run = begin();
  for (const [start, end] of [
    [4, 5],
    [0, 2],
    [2, 3],
  ] as const)
    run.sum.addGradient(1, run.part(start, end, LAYOUT.buckets[1]!.size));
  assert.equal(run.reduced.length, 0);
  const last = run.part(3, 4, LAYOUT.buckets[1]!.size);
  run.sum.addGradient(1, last);
  run.sum.addGradient(1, last);
  assert.equal(run.reduced.length, 1);
  assert.deepEqual(run.reduced[0]!.gradient, sumOf({ start: 0, end: 5 }, LAYOUT.buckets[1]!.size));
});

test("one sum for several shards, as a node sends it, and the same shards again one by one, give the same bits", () => {
  const run = begin({ shards: 4 });
  run.sum.addGradient(0, run.part(0, 2));
  run.sum.addGradient(0, run.part(1, 2));
  run.sum.addGradient(0, run.part(0, 1));
  run.sum.addGradient(0, run.part(2, 4));
  assert.deepEqual(run.reduced[0]!.gradient, sumOf({ start: 0, end: 4 }, SIZE));
});

test("what lies in its place already is not copied, and every part is told with who computed it", () => {
  const run = begin({ shards: 3 });
  for (const shard of [2, 0, 1]) {
    const { values, ...part } = run.part(shard, shard + 1);
    run.shelf.place(shard, 0, SIZE).set(values);
    run.sum.addGradient(0, { ...part, values: null });
  }
  const [{ gradient, parts }] = run.reduced as [(typeof run.reduced)[number]];
  assert.deepEqual(gradient, sumOf({ start: 0, end: 3 }, SIZE));
  assert.deepEqual(
    parts.map(({ from, range }) => [from, range.start, range.end]),
    [
      ["rank 2", 2, 3],
      ["rank 0", 0, 1],
      ["rank 1", 1, 2],
    ],
  );
});

test("a sum that holds shards which came alone takes their places", () => {
  const run = begin({ shards: 4 });
  run.sum.addGradient(0, run.part(0, 1));
  run.sum.addGradient(0, run.part(1, 2));
  run.sum.addGradient(0, run.part(2, 3));
  run.sum.addGradient(0, run.part(0, 2));
  run.sum.addGradient(0, run.part(2, 4));
  assert.equal(run.reduced.length, 1);
  assert.deepEqual(run.reduced[0]!.gradient, sumOf({ start: 0, end: 4 }, SIZE));
});

test("a loss that is not finite ends the step, with its place", () => {
  for (const loss of [Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => begin().sum.addLoss(3, { loss, hits: 0 }, "rank 6"), {
      code: "not-finite",
      message: new RegExp(`step 5, shard 3, rank 6: the loss is ${loss}`),
    });
});

test("losses are added in the order of shards, a shard that comes twice counts once, and there is no result before all", () => {
  const run = begin({ shards: 3, empty: [1] });
  const losses = [1e17, 0, -1e17];
  run.sum.addLoss(2, { loss: losses[2]!, hits: 2 }, "rank 0");
  for (const { index, size } of LAYOUT.buckets)
    for (const shard of [0, 2]) run.sum.addGradient(index, run.part(shard, shard + 1, size));
  for (const shard of [0, 2]) run.sum.addState(run.part(shard, shard + 1, LAYOUT.stateSize));
  assert.throws(() => run.sum.result(COSTS), /step 5 was called done/);
  run.sum.addLoss(0, { loss: losses[0]!, hits: 3 }, "rank 1");
  run.sum.addLoss(0, { loss: losses[0]!, hits: 3 }, "rank 2");
  const { loss, hits, costs, reduced, lastGradientMs } = run.sum.result(COSTS);
  assert.deepEqual([loss, hits, costs], [0, 5, COSTS]);
  assert.deepEqual(
    reduced.map(({ bucket, startMs, endMs }) => [bucket, endMs - startMs]),
    LAYOUT.buckets.flatMap(({ index }) => [
      [index, 1],
      [index, 1],
    ]),
  );
  assert.equal(lastGradientMs, reduced.at(-1)!.startMs);
  assert.deepEqual(run.reduced.at(-1)!.gradient, sumOf({ start: 0, end: 3 }, LAYOUT.stateSize, [1]));
});
