import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { indicesOf } from "../../../src/data/order.js";
import { blockAround, blockSize, byBlock } from "../../../src/parameters/blocks.js";
import { divide } from "../../../src/parameters/divide.js";
import { coverOf } from "../../../src/parameters/tree.js";

const setup = fc
  .record({
    batchShards: fc.integer({ min: 1, max: 12 }),
    accumulate: fc.integer({ min: 1, max: 80 }),
    workers: fc.integer({ min: 1, max: 9 }),
  })
  .map((given) => ({ ...given, shards: given.batchShards * given.accumulate }));

/** Most shards that one worker gets. */
function busiest(shards: number, block: number, workers: number): number {
  const blocks = byBlock(indicesOf({ start: 0, end: shards }), block);
  return Math.max(...divide(blocks, workers).map((run) => run.flat().length));
}

test("a block is a node of the tree, and every shard is in one", () => {
  fc.assert(
    fc.property(setup, ({ shards, ...given }) => {
      const block = blockSize({ shards, ...given });
      const blocks = byBlock(indicesOf({ start: 0, end: shards }), block);
      assert.deepEqual(blocks.flat(), indicesOf({ start: 0, end: shards }));
      for (const held of blocks) {
        const range = blockAround(held[0]!, block, shards);
        assert.deepEqual(indicesOf(range), held);
        assert.deepEqual(coverOf(held, shards), [range]);
      }
    }),
  );
});

test("blocks do not grow in number with the batches of a step, and cost little balance", () => {
  fc.assert(
    fc.property(setup, ({ batchShards, accumulate, workers, shards }) => {
      const block = blockSize({ shards, accumulate, workers });
      assert.ok(block <= accumulate);
      assert.ok(Math.ceil(shards / block) <= Math.max(2 * batchShards, 16 * workers));
      assert.ok(busiest(shards, block, workers) <= (1 + 1 / 8) * Math.ceil(shards / workers));
    }),
  );
});

test("without accumulation a block is a shard; even work makes blocks as large as the batches of a step", () => {
  for (const shards of [1, 4, 7, 64]) assert.equal(blockSize({ shards, accumulate: 1, workers: 2 }), 1);
  for (const [accumulate, block] of [
    [2, 2],
    [3, 2],
    [8, 8],
    [64, 64],
  ] as const)
    assert.equal(blockSize({ shards: 4 * accumulate, accumulate, workers: 2 }), block);
  // Four shards on three workers: blocks of eight would give one of them sixteen, where eleven are enough.
  assert.equal(blockSize({ shards: 32, accumulate: 8, workers: 3 }), 4);
  // One shard a batch and two workers: both have work.
  assert.equal(blockSize({ shards: 4, accumulate: 4, workers: 2 }), 2);
});
