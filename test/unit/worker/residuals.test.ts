import assert from "node:assert/strict";
import { test } from "node:test";
import { asBytes } from "../../../src/parameters/bytes.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { WorkerResiduals } from "../../../src/worker/residuals.js";

const LAYOUT = layoutOf(
  ["a", "b"].map((name) => ({ name, shape: [4], role: "trainable", init: { kind: "zeros" }, decay: true })),
  16,
);
const [FIRST, SECOND] = LAYOUT.buckets as [(typeof LAYOUT.buckets)[0], (typeof LAYOUT.buckets)[0]];
const valuesOf = (vector: Float32Array | null) => vector && [FIRST, SECOND].map(({ offset }) => vector[offset]);

function put(residuals: WorkerResiduals, shard: number, version: number, value: number | null): void {
  for (const { index, size } of LAYOUT.buckets) {
    const payload = value === null ? null : asBytes(new Float32Array(size).fill(value));
    assert.ok(residuals.put(shard, version, index, payload));
  }
}

test("a step reads one version and writes the next; done again, it finds the same", () => {
  const residuals = new WorkerResiduals(LAYOUT);
  put(residuals, 2, 5, 1);
  const held = residuals.of(2, 5);
  for (let round = 0; round < 2; round++) {
    assert.deepEqual(valuesOf(held.at(5)), [1, 1]);
    held.after(5, FIRST).fill(2);
    held.after(5, SECOND).fill(3);
  }
  assert.deepEqual(valuesOf(held.at(5)), [1, 1]);
  assert.deepEqual(valuesOf(held.at(6)), [2, 3]);
  held.after(6, FIRST).fill(4);
  assert.deepEqual(valuesOf(held.at(6)), [2, 3], "a version that is half written is not in force");
  held.after(6, SECOND).fill(5);
  assert.deepEqual(valuesOf(held.at(7)), [4, 5]);
});

test("a shard that had no samples for some steps goes on with what it had", () => {
  const residuals = new WorkerResiduals(LAYOUT);
  put(residuals, 0, 0, null);
  const held = residuals.of(0, 3);
  assert.deepEqual(valuesOf(held.at(3)), [0, 0]);
  for (const bucket of LAYOUT.buckets) held.after(3, bucket).fill(7);
  assert.deepEqual(valuesOf(residuals.of(0, 9).at(9)), [7, 7]);
  assert.deepEqual(valuesOf(held.at(3)), [0, 0]);
});

test("what comes from the coordinator takes the place of all that was there, not its memory", () => {
  const residuals = new WorkerResiduals(LAYOUT);
  put(residuals, 1, 8, 1);
  const before = residuals.of(1, 8).after(8, FIRST);
  put(residuals, 1, 5, 2);
  before.fill(9); // a step that was given up still writes
  assert.deepEqual(valuesOf(residuals.of(1, 5).at(5)), [2, 2]);
  assert.throws(() => residuals.of(1, 4), /shard 1 was given to this worker before its residual was/);
  residuals.clear();
  assert.throws(() => residuals.of(1, 5));
});

test("buckets that the layout does not know are refused", () => {
  const residuals = new WorkerResiduals(LAYOUT);
  assert.equal(residuals.put(0, 1, 2, null), false);
  assert.equal(residuals.put(0, 1, 0, new Uint8Array(8)), false);
  assert.throws(() => residuals.of(0, 1));
});
