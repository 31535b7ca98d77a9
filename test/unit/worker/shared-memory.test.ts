import assert from "node:assert/strict";
import { test } from "node:test";
import { batchOf } from "../../../src/data/order.js";
import { SharedFile } from "../../../src/exchange/mapping.js";
import { RunMemory } from "../../../src/exchange/memory.js";
import { placesOf } from "../../../src/exchange/places.js";
import { settle } from "../../support/fake-clock.js";
import { DATA, startWorker } from "../../support/fake-setup.js";
import { testLayout } from "../../support/fake-worker.js";

const SHARDS = 4;
const CONTENTS = { shards: SHARDS, ema: false, compressed: false, slotNames: ["m", "v"] };

/** The run's memory as its coordinator has it, with values in both versions of the weights. */
function runMemory(block = 1): RunMemory {
  const contents = { ...CONTENTS, block };
  const layout = testLayout();
  const file = SharedFile.create();
  file.allocate(placesOf(layout, contents).bytes);
  const memory = new RunMemory(file, layout, contents);
  for (const version of [0, 1]) {
    memory.weights(version).forEach((_, index, vector) => {
      vector[index] = Math.cos(version * 100 + index);
    });
    memory.state(version).fill(version + 0.5);
  }
  return memory;
}

const ASSIGN = { type: "assign", step: 2, version: 1, epoch: 0, stepInEpoch: 1, traced: false } as const;

test("gradients are written to their shards' places, and weights are read where they lie", async (context) => {
  const memory = runMemory();
  const shared = startWorker(context, { memory, recipe: { shards: SHARDS } });
  const framed = startWorker(context, { recipe: { shards: SHARDS } });
  const batch = batchOf(DATA.train.count, shared.recipe.batchSize, 1);
  shared.accept("shared-memory");
  framed.accept();
  await settle();
  const { layout } = framed;
  layout.buckets.forEach(({ index, offset, size }) => {
    framed.tell(
      { type: "weights", kind: "raw", version: 1, bucket: index },
      memory.weights(1).slice(offset, offset + size),
    );
  });
  framed.tell({ type: "weights", kind: "raw", version: 1, bucket: -1 }, memory.state(1).slice());
  // One shard at a time, so that frames carry each shard's own gradient too.
  for (const shard of [1, 2]) {
    for (const worker of [shared, framed]) worker.tell({ ...ASSIGN, batch, shards: [shard] });
    await settle();
  }
  const expected = framed.of("bucket");
  assert.equal(expected.length, 2 * layout.buckets.length);
  assert.deepEqual(
    shared.of("bucket"),
    expected.map((message) => ({ ...message, values: null })),
  );
  for (const { start, bucket, values } of expected)
    assert.deepEqual(memory.gradient(start, layout.buckets[bucket]!), values);
  assert.deepEqual(shared.of("loss"), framed.of("loss"));
  assert.deepEqual(shared.of("finished"), framed.of("finished"));
  for (const shard of [0, 3])
    for (const bucket of layout.buckets)
      assert.ok(
        memory.gradient(shard, bucket).every((value) => value === 0),
        "the places of other workers' shards are left alone",
      );
});

test("a block of shards is told of shard by shard: the coordinator adds", async (context) => {
  const worker = startWorker(context, { memory: runMemory(), recipe: { shards: SHARDS } });
  worker.accept("shared-memory");
  await settle();
  worker.tell({ ...ASSIGN, batch: batchOf(DATA.train.count, worker.recipe.batchSize, 1), shards: [0, 1, 2, 3] });
  await settle();
  const ranges = worker.of("finished").map(({ start, end }) => [start, end]);
  assert.deepEqual(ranges, [
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 4],
  ]);
});

test("a block's shards are added by its worker, and their one place gets the whole sum alone", async (context) => {
  const memory = runMemory(2);
  const shared = startWorker(context, { memory, recipe: { shards: SHARDS } });
  const framed = startWorker(context, { recipe: { shards: SHARDS } });
  shared.accept("shared-memory");
  framed.accept();
  await settle();
  const { layout } = framed;
  layout.buckets.forEach(({ index, offset, size }) => {
    framed.tell(
      { type: "weights", kind: "raw", version: 1, bucket: index },
      memory.weights(1).slice(offset, offset + size),
    );
  });
  framed.tell({ type: "weights", kind: "raw", version: 1, bucket: -1 }, memory.state(1).slice());
  // A full step, whose blocks frames carry as sums too, and a short one whose first shard has no image.
  for (const [stepInEpoch, step, blocks] of [
    [
      1,
      2,
      [
        [0, 1],
        [2, 3],
      ],
    ],
    [2, 3, [[1], [2, 3]]],
  ] as const) {
    const batch = batchOf(DATA.train.count, shared.recipe.batchSize, stepInEpoch);
    for (const shards of blocks) {
      const assign = { ...ASSIGN, step, stepInEpoch, batch, shards: [...shards] };
      for (const worker of [shared, framed]) worker.tell(assign);
      await settle();
      const sums = framed.of("bucket").slice(-layout.buckets.length);
      for (const { start, bucket, values } of sums)
        assert.deepEqual(memory.gradient(start, layout.buckets[bucket]!), values);
      assert.deepEqual(
        shared.of("finished").map(({ start, end, values }) => [Math.floor(start / 2), end, values]),
        framed.of("finished").map(({ start, end, values }) => [Math.floor(start / 2), end, values]),
      );
    }
  }
  assert.deepEqual(
    shared.of("finished").map(({ start, end }) => [start, end]),
    [
      [0, 2],
      [2, 4],
      [0, 2],
      [2, 4],
    ],
  );
});

test("a worker that was not started with the run's memory says so, and what to do", async (context) => {
  const worker = startWorker(context, {});
  worker.accept("shared-memory");
  const { kind, detail } = await worker.outcome;
  assert.equal(kind, "failed");
  assert.match(detail, /--exchange frames/);
  assert.equal(worker.of("failed")[0]!.code, "protocol");
});
