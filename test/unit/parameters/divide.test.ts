import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { divide } from "../../../src/parameters/divide.js";
import { coverOf } from "../../../src/parameters/tree.js";

test("every shard goes to one worker, in order, and no worker has more than one more than another", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(200)), fc.integer({ min: 1, max: 20 }), (given, workers) => {
      const shards = given.sort((a, b) => a - b);
      const blocks = divide(shards, workers);
      assert.equal(blocks.length, workers);
      assert.deepEqual(blocks.flat(), shards);
      const sizes = blocks.map(({ length }) => length);
      assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
    }),
  );
});

test("powers of two make whole nodes of the tree: one sum a worker", () => {
  for (const [shards, workers] of [
    [4, 1],
    [4, 2],
    [4, 4],
    [8, 2],
    [16, 4],
  ] as const) {
    const all = Array.from({ length: shards }, (_, shard) => shard);
    for (const block of divide(all, workers)) assert.equal(coverOf(block, shards).length, 1);
  }
});
