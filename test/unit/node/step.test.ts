import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { StepPlan } from "../../../src/membership/workers.js";
import { NodeStep } from "../../../src/node/step.js";
import { blockAround, byBlock } from "../../../src/parameters/blocks.js";
import {
  ADD,
  addInPlace,
  additionsOf,
  coverOf,
  includes,
  type Range,
  rangeKey,
  rootOf,
} from "../../../src/parameters/tree.js";
import { testLayout } from "../../support/fake-worker.js";
import { leafOf, sumOf, weightsOf } from "../../support/step-values.js";

const layout = testLayout();
const planOf = (shards: number, block: number, empty: readonly number[]): StepPlan => ({
  step: 1,
  version: 0,
  epoch: 0,
  stepInEpoch: 0,
  batch: shards,
  shards,
  block,
  empty: [...empty],
  traced: false,
});

/** What a node tells of its shards, when its workers give their blocks in that order, each twice. */
function told(plan: StepPlan, given: readonly number[], order: (blocks: readonly Range[]) => readonly Range[]) {
  const sums: { range: Range; bucket: number; values: number[] }[] = [];
  const losses: number[] = [];
  const places = new Map<string, Float32Array>();
  const step = new NodeStep(plan, given, weightsOf(layout, 0), {
    loss: (shard) => losses.push(shard),
    bucket: (range, bucket, sum) => sums.push({ range, bucket, values: [...sum] }),
    gradient: (shard, bucket) => places.get(`${shard - (shard % plan.block)}/${bucket}`)!,
    sum(_key, bucket, program) {
      const stack: Float32Array[] = [];
      for (const word of program) {
        if (word !== ADD) stack.push(places.get(`${word - (word % plan.block)}/${bucket}`)!.slice());
        else addInPlace(stack.at(-2)!, stack.pop()!);
      }
      return stack[0]!;
    },
  });
  const blocks = byBlock(given, plan.block).map(([first]) => blockAround(first!, plan.block, plan.shards));
  for (const range of [...order(blocks), ...order(blocks)]) {
    for (let shard = range.start; shard < range.end; shard++)
      if (given.includes(shard)) step.addLoss(shard, { loss: shard, hits: 0 });
    for (const { index, size } of layout.buckets) {
      places.set(`${range.start}/${index}`, sumOf(range, size, plan.empty)!);
      step.addGradient(index, { from: "rank 0", range, values: null });
    }
    step.addState({ from: "rank 0", range, values: sumOf(range, layout.stateSize, plan.empty)! });
  }
  return { step, sums, losses };
}

test("each bucket's sum over each whole range leaves once, with the tree's bits, in whatever order blocks come", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 17 }),
      fc.constantFrom(1, 2, 4),
      fc.array(fc.boolean(), { minLength: 17, maxLength: 17 }),
      fc.array(fc.boolean(), { minLength: 17, maxLength: 17 }),
      fc.infiniteStream(fc.nat(1000)),
      (shards, block, isEmpty, isMine, ranks) => {
        const all = [...Array(shards).keys()];
        const empty = all.filter((shard) => isEmpty[shard]);
        const mine = all.filter((shard) => isMine[Math.floor(shard / block)] && !empty.includes(shard));
        fc.pre(mine.length > 0);
        const plan = planOf(shards, block, empty);
        const shuffled = (blocks: readonly Range[]) =>
          blocks
            .map((each) => ({ each, rank: ranks.next().value as number }))
            .sort((a, b) => a.rank - b.rank)
            .map(({ each }) => each);
        const { step, sums, losses } = told(plan, mine, shuffled);
        assert.deepEqual(
          losses.toSorted((a, b) => a - b),
          mine,
        );
        for (const { range, bucket, values } of sums) {
          assert.equal(coverOf(all.slice(range.start, range.end), shards).length, 1, "a node of the tree");
          assert.deepEqual(values, [...sumOf(range, layout.buckets[bucket]!.size, empty)!]);
        }
        const ranges = step.finished();
        assert.equal(sums.length, ranges.length * layout.buckets.length);
        for (const { range, state } of ranges)
          assert.deepEqual(state && [...state], [...sumOf(range, layout.stateSize, empty)!]);
        // With the shards of others, one by one, they are the whole step.
        const others = all
          .filter((shard) => !mine.includes(shard) && !empty.includes(shard))
          .map((shard) => rangeKey({ start: shard, end: shard + 1 }));
        const held = new Set([...ranges.map(({ range }) => rangeKey(range)), ...others]);
        assert.ok(additionsOf(held, rootOf(shards), empty), [...held].join());
        assert.ok(
          mine.every(
            (shard) => ranges.filter(({ range }) => includes(range, { start: shard, end: shard + 1 })).length === 1,
          ),
        );
      },
    ),
  );
});

test("the values of a test tell orders of addition apart", () => {
  const [a, b, c] = [0, 1, 2].map((shard) => leafOf(shard, 9)) as [Float32Array, Float32Array, Float32Array];
  const left = a.map((value, index) => Math.fround(value + b[index]!) + c[index]!);
  const right = a.map((value, index) => value + Math.fround(b[index]! + c[index]!));
  assert.notDeepEqual(left, right);
});
