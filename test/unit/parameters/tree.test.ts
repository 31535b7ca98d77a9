import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  ADD,
  additionsOf,
  childrenOf,
  coverOf,
  type Range,
  rangeKey,
  rootOf,
  TreeSum,
} from "../../../src/parameters/tree.js";

test("a range is split at the largest power of two below its length", () => {
  assert.deepEqual(childrenOf({ start: 0, end: 5 }), [
    { start: 0, end: 4 },
    { start: 4, end: 5 },
  ]);
  assert.deepEqual(childrenOf({ start: 0, end: 4 }), [
    { start: 0, end: 2 },
    { start: 2, end: 4 },
  ]);
  assert.equal(childrenOf({ start: 3, end: 4 }), null);
});

/** The sum along the tree, computed the plain way. */
function direct(values: readonly (number | null)[], range: Range): number | null {
  const children = childrenOf(range);
  if (!children) return values[range.start] ?? null;
  const left = direct(values, children[0]);
  const right = direct(values, children[1]);
  if (left === null || right === null) return left ?? right;
  return Math.fround(left + right);
}

test("whoever computes which shards, in whatever order the sums arrive, the bits are the same", () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.float({ noNaN: true, min: -1e6, max: 1e6 }), { nil: null, freq: 8 }), {
        minLength: 1,
        maxLength: 17,
      }),
      fc.array(fc.nat(3), { minLength: 17, maxLength: 17 }),
      fc.infiniteStream(fc.nat(1000)),
      (values, owners, order) => {
        fc.pre(values.some((value) => value !== null));
        const shards = values.length;
        const absent = [...values.keys()].filter((shard) => values[shard] === null);
        const sum = new TreeSum<number>(rootOf(shards), (a, b) => Math.fround(a + b), absent);
        const nodes = [0, 1, 2, 3].flatMap((worker) =>
          coverOf(
            [...values.keys()].filter((shard) => owners[shard] === worker && values[shard] !== null),
            shards,
          ),
        );
        const shuffled = nodes
          .map((node) => ({ node, rank: order.next().value as number }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ node }) => node);
        const results = shuffled.map((node) => sum.put(node, direct(values, node)!));
        assert.equal(results.at(-1), direct(values, { start: 0, end: shards }));
        for (const early of results.slice(0, -1)) assert.equal(early, undefined);
        // The same sum as a program, which is there once the last node is.
        const held = new Set<string>();
        for (const node of shuffled) {
          assert.equal(additionsOf(held, rootOf(shards), absent), null);
          held.add(rangeKey(node));
        }
        const stack: number[] = [];
        for (const word of additionsOf(held, rootOf(shards), absent)!) {
          if (word !== ADD) stack.push(direct(values, nodes.find(({ start }) => start === word)!)!);
          else stack.push(Math.fround(stack.splice(-2, 1)[0]! + stack.pop()!));
        }
        assert.deepEqual(stack, [direct(values, { start: 0, end: shards })]);
      },
    ),
  );
});
