import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { streamOf } from "../../../src/engine/engine.js";
import { Slots } from "../../../src/exchange/slots.js";
import { childrenOf, coverOf, type Range } from "../../../src/parameters/tree.js";
import { RangeSum } from "../../../src/worker/range-sum.js";

const fresh = (_vector: number, _level: number, length: number) => new Float32Array(length);

/** Float32 whose sums depend on the order. */
const gradientOf = (shard: number) => Float32Array.of(Math.fround(Math.sin(shard + 1) * 10 ** (shard % 7)), shard);

function along(range: Range): Float32Array {
  const children = childrenOf(range);
  if (!children) return gradientOf(range.start);
  const right = along(children[1]);
  return along(children[0]).map((value, index) => value + right[index]!);
}

test("a worker's ranges sum along the tree, to the bit, whichever shards it has", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 24 }), fc.infiniteStream(fc.boolean()), (shards, draws) => {
      const present = Array.from({ length: shards }, (_, shard) => shard).filter(() => draws.next().value);
      for (const range of coverOf(present, shards)) {
        const mine = present.filter((shard) => shard >= range.start && shard < range.end);
        const sum = new RangeSum(range, mine, fresh);
        for (let shard = range.start; shard < range.end; shard++) {
          const lent = gradientOf(shard);
          const whole = sum.add(shard, 0, streamOf(lent));
          if (shard < range.end - 1) {
            assert.equal(whole, null);
            lent.fill(Number.NaN); // the buffer goes back to TensorFlow
          } else assert.deepEqual(whole, along(range));
        }
      }
    }),
  );
});

test("vectors are summed apart", () => {
  const sum = new RangeSum({ start: 0, end: 2 }, [0, 1], fresh);
  assert.equal(sum.add(0, 0, streamOf(Float32Array.of(1))), null);
  assert.equal(sum.add(0, -1, streamOf(Float32Array.of(10))), null);
  assert.deepEqual(sum.add(1, 0, streamOf(Float32Array.of(2))), Float32Array.of(3));
  assert.deepEqual(sum.add(1, -1, streamOf(Float32Array.of(20))), Float32Array.of(30));
});

test("shards without samples add nothing, and sums use the memory of few vectors again", () => {
  const slots = new Slots();
  const taken = new Set<Float32Array>();
  const take = (vector: number, level: number, length: number) => {
    const held = slots.take(`${vector}/${level}`, length);
    taken.add(held);
    return held;
  };
  for (let step = 0; step < 3; step++) {
    const present = Array.from({ length: 16 }, (_, shard) => shard).filter((shard) => shard !== 5);
    const sum = new RangeSum({ start: 0, end: 16 }, present, take);
    const wholes = present.map((shard) => sum.add(shard, 0, streamOf(Float32Array.of(shard + step))));
    assert.deepEqual(wholes.slice(0, -1), new Array(14).fill(null));
    assert.deepEqual(wholes.at(-1), Float32Array.of(120 - 5 + 15 * step));
  }
  assert.equal(taken.size, 5); // the tree over 16 shards is four deep, and one vector is being added
});
