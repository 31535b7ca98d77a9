import assert from "node:assert/strict";
import { test } from "node:test";
import type { Snapshot } from "../../../../src/checkpoint/snapshot.js";
import { Records } from "../../../../src/coordinator/training/records.js";
import { settle } from "../../../support/fake-clock.js";
import { testSnapshot } from "../../../support/snapshot.js";

/** Records that end when the test says so. */
function slowRecords() {
  const begun: number[] = [];
  const ends = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  const records = new Records({
    committed: ({ step }: Snapshot) => {
      begun.push(step);
      return new Promise((resolve, reject) => ends.set(step, { resolve, reject }));
    },
  });
  const begin = (step: number) => records.begin(testSnapshot({ step }));
  return { records, begun, ends, begin };
}

async function isPending(promise: Promise<void>): Promise<boolean> {
  let pending = true;
  promise.then(
    () => (pending = false),
    () => (pending = false),
  );
  await settle();
  return pending;
}

test("commits are recorded one after the other, in order", async () => {
  const { begun, ends, begin } = slowRecords();
  begin(1);
  begin(2);
  await settle();
  assert.deepEqual(begun, [1]);
  ends.get(1)!.resolve();
  await settle();
  assert.deepEqual(begun, [1, 2]);
});

test("a version's half is free once its record is made; the other half never waits for it", async () => {
  const { records, ends, begin } = slowRecords();
  begin(1);
  assert.equal(await isPending(records.freeHalf(2)), false);
  begin(2);
  const third = records.freeHalf(3);
  assert.equal(await isPending(third), true);
  ends.get(1)!.resolve();
  assert.equal(await isPending(third), false);
  assert.equal(await isPending(records.freeHalf(4)), true);
});

test("settling waits for all that was begun, and tells what failed", async () => {
  const { records, ends, begin } = slowRecords();
  begin(1);
  begin(2);
  const settled = records.settle();
  ends.get(1)!.resolve();
  assert.equal(await isPending(settled), true);
  ends.get(2)!.reject(new Error("the vectors are gone"));
  await assert.rejects(settled, /the vectors are gone/);
});

test("a record that fails at once fails its version's wait, not the commit", async () => {
  const records = new Records({
    committed: () => {
      throw new Error("no");
    },
  });
  records.begin(testSnapshot({ step: 1 }));
  await assert.rejects(records.freeHalf(3), /no/);
});
