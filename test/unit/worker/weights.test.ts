import assert from "node:assert/strict";
import { test } from "node:test";
import { asBytes } from "../../../src/parameters/bytes.js";
import { WorkerWeights } from "../../../src/worker/weights.js";
import { testLayout } from "../../support/fake-worker.js";

const layout = testLayout();
const sizes = [...layout.buckets.map(({ size }) => size), layout.stateSize];
const bytes = (length: number, value: number) => asBytes(new Float32Array(length).fill(value));

function fill(weights: WorkerWeights, version: number): void {
  sizes.forEach((size, index) => {
    const bucket = index === layout.buckets.length ? -1 : index;
    assert.equal(weights.put(version, bucket, bytes(size, version)), true);
  });
}

test("a version is there once its last bucket is, in whatever order they come", () => {
  const weights = new WorkerWeights(layout, 2, (length) => new Float32Array(length));
  for (const bucket of [-1, 2, 0]) {
    weights.put(4, bucket, bytes(bucket < 0 ? layout.stateSize : sizes[bucket]!, 4));
    assert.equal(weights.get(4), null);
  }
  weights.put(4, 1, bytes(sizes[1]!, 4));
  assert.deepEqual(
    weights.get(4)!.map(({ length }) => length),
    sizes,
  );
});

test("version v stays whole while v + 1 comes; v + 2 takes its place", () => {
  const weights = new WorkerWeights(layout, 2, (length) => new Float32Array(length));
  fill(weights, 1);
  fill(weights, 2);
  assert.ok(weights.get(1)!.every((vector) => vector.every((value) => value === 1)));
  assert.ok(weights.get(2)!.every((vector) => vector.every((value) => value === 2)));
  weights.put(3, 0, bytes(sizes[0]!, 3));
  assert.equal(weights.get(1), null);
  assert.equal(weights.get(3), null);
  assert.ok(weights.get(2));
});

test("a bucket that the layout does not know is refused and changes nothing", () => {
  const weights = new WorkerWeights(layout, 2, (length) => new Float32Array(length));
  fill(weights, 1);
  assert.equal(weights.put(3, 0, bytes(sizes[0]! + 1, 3)), false);
  assert.equal(weights.put(3, 9, bytes(1, 3)), false);
  assert.equal(weights.put(3, 0, null), false);
  assert.ok(weights.get(1)!.every((vector) => vector.every((value) => value === 1)));
});

test("with room for one version, the next takes its place", () => {
  const weights = new WorkerWeights(layout, 1, (length) => new Float32Array(length));
  for (const version of [5, 8]) {
    fill(weights, version);
    assert.ok(weights.get(version)!.every((vector) => vector.every((value) => value === version)));
  }
  assert.equal(weights.get(5), null);
});
