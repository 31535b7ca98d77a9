import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Adder } from "../../../src/exchange/adder.js";
import { SharedFile } from "../../../src/exchange/mapping.js";
import { placesOf } from "../../../src/exchange/places.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { addInPlace, additionsOf, childrenOf, type Range, rangeKey } from "../../../src/parameters/tree.js";

/** Buckets of one element, of an odd rest, and of more than one piece in which sums leave the kernels. */
const LAYOUT = layoutOf(
  [1, 2501, 70_003].map((size, index) => ({
    name: `p${index}`,
    shape: [size],
    role: "trainable" as const,
    init: { kind: "zeros" as const },
    decay: true,
  })),
  4,
);

function setUp(shards: number) {
  const file = SharedFile.create();
  const places = placesOf(LAYOUT, { shards, block: 1, ema: false, compressed: false, slotNames: [] });
  file.allocate(places.bytes);
  const whole = file.view();
  const gradients = places.gradients.map((place) => new Float32Array(whole, place, LAYOUT.size));
  gradients.forEach((gradient, shard) => {
    for (const { offset, size } of LAYOUT.buckets)
      for (let index = offset; index < offset + size; index++)
        gradient[index] = Math.sin(index * 12.9898 + shard * 78.233) * 10 ** (((index + shard) % 9) - 6);
  });
  return { adder: new Adder(file, LAYOUT, places), gradients };
}

test("sums over any node of the tree have the bits of its definition, and nothing else is written", () => {
  const shards = 11;
  const { adder, gradients } = setUp(shards);
  const before = gradients.map((gradient) => gradient.slice());
  const held = new Set(Array.from({ length: shards }, (_, shard) => `${shard}-${shard + 1}`));
  const nodes: Range[] = [];
  const visit = (range: Range) => {
    nodes.push(range);
    for (const child of childrenOf(range) ?? []) visit(child);
  };
  visit({ start: 0, end: shards });
  const expected = (range: Range, offset: number, size: number): Float32Array => {
    const children = childrenOf(range);
    if (!children) return gradients[range.start]!.slice(offset, offset + size);
    const [left, right] = children.map((child) => expected(child, offset, size));
    return addInPlace(left!, right!);
  };
  fc.assert(
    fc.property(fc.constantFrom(...nodes), fc.constantFrom(...LAYOUT.buckets), (range, bucket) => {
      const sum = new Float32Array(bucket.size + 4).fill(7);
      adder.add(bucket, additionsOf(held, range)!, sum.subarray(0, bucket.size));
      assert.deepEqual(sum.subarray(0, bucket.size), expected(range, bucket.offset, bucket.size), rangeKey(range));
      assert.deepEqual([...sum.subarray(bucket.size)], [7, 7, 7, 7]);
    }),
  );
  assert.deepEqual(gradients, before);
});
