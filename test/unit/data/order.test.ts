import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  batchOf,
  EpochOrder,
  emptyShards,
  evaluationChunks,
  globalBatch,
  positionOf,
  shardSpan,
  stepsPerEpoch,
} from "../../../src/data/order.js";

const setup = fc.record({
  count: fc.integer({ min: 1, max: 200 }),
  batchSize: fc.integer({ min: 1, max: 64 }),
  shards: fc.integer({ min: 1, max: 9 }),
  epoch: fc.nat(5),
  seed: fc.nat(),
});

test("an epoch's shards hold every image exactly once", () => {
  fc.assert(
    fc.property(setup, ({ count, batchSize, shards, epoch, seed }) => {
      const order = new EpochOrder(seed, count);
      const seen: number[] = [];
      for (let stepInEpoch = 0; stepInEpoch < stepsPerEpoch(count, batchSize); stepInEpoch++) {
        for (let shard = 0; shard < shards; shard++)
          seen.push(...order.samples({ epoch, stepInEpoch, batchSize, shards, shard }));
      }
      assert.deepEqual(
        seen.sort((a, b) => a - b),
        Array.from({ length: count }, (_, index) => index),
      );
    }),
  );
});

test("shards are nearly equal, and the empty ones are named", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 20 }), (batch, shards) => {
      const sizes = Array.from({ length: shards }, (_, shard) => shardSpan(batch, shards, shard)).map(
        ({ start, end }) => end - start,
      );
      assert.equal(
        sizes.reduce((a, b) => a + b),
        batch,
      );
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
      assert.deepEqual(
        emptyShards(batch, shards),
        sizes.flatMap((size, shard) => (size === 0 ? [shard] : [])),
      );
    }),
  );
});

test("the shards of accumulated batches are those of one large batch, the last of an epoch too", () => {
  fc.assert(
    fc.property(setup, fc.integer({ min: 1, max: 5 }), ({ count, batchSize, shards, epoch, seed }, accumulate) => {
      const large = globalBatch({ batchSize, shards, accumulate });
      assert.deepEqual(large, { batchSize: batchSize * accumulate, shards: shards * accumulate });
      const order = new EpochOrder(seed, count);
      // A whole large batch: its shards are those of its batches, one after the other.
      if (count < large.batchSize) return;
      for (let batch = 0; batch < accumulate; batch++)
        for (let shard = 0; shard < shards; shard++)
          assert.deepEqual(
            order.samples({ epoch, stepInEpoch: 0, ...large, shard: batch * shards + shard }),
            order.samples({ epoch, stepInEpoch: batch, batchSize, shards, shard }),
          );
    }),
  );
});

test("epochs and seeds have orders of their own", () => {
  const place = { stepInEpoch: 0, batchSize: 50, shards: 1, shard: 0 };
  const first = [...new EpochOrder(1, 50).samples({ epoch: 0, ...place })];
  assert.notDeepEqual([...new EpochOrder(1, 50).samples({ epoch: 1, ...place })], first);
  assert.notDeepEqual([...new EpochOrder(2, 50).samples({ epoch: 0, ...place })], first);
  assert.deepEqual([...new EpochOrder(1, 50).samples({ epoch: 0, ...place })], first);
});

test("the last batch is short, and evaluation chunks cover a set once", () => {
  assert.equal(batchOf(10, 4, 2), 2);
  assert.deepEqual(evaluationChunks(10, 4), [
    { start: 0, end: 4 },
    { start: 4, end: 8 },
    { start: 8, end: 10 },
  ]);
});

test("steps count on through the epochs", () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.integer({ min: 1, max: 500 }), (step, perEpoch) => {
      const { epoch, stepInEpoch } = positionOf(step, perEpoch);
      assert.equal(epoch * perEpoch + stepInEpoch, step);
      assert.ok(stepInEpoch >= 0 && stepInEpoch < perEpoch);
    }),
  );
});
