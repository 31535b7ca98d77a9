import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { hashesOf, weightsSha256 } from "../../../src/parameters/hash.js";
import { layoutOf, type ParameterSpec, sizeOf } from "../../../src/parameters/layout.js";

const parameters = fc
  .array(
    fc.record({
      shape: fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
      role: fc.constantFrom("trainable" as const, "state" as const),
      decay: fc.boolean(),
    }),
    { maxLength: 12 },
  )
  .map((list) => list.map((each, index): ParameterSpec => ({ ...each, name: `p${index}`, init: { kind: "zeros" } })));

test("every parameter has a place of its own, and the buckets are the vector in reverse order", () => {
  fc.assert(
    fc.property(parameters, fc.integer({ min: 4, max: 400 }), (list, bucketBytes) => {
      const { trainable, state, buckets, size, stateSize, parameters } = layoutOf(list, bucketBytes);
      const names = (role: string) => list.filter((each) => each.role === role).map(({ name }) => name);
      assert.deepEqual(
        trainable.map(({ name }) => name),
        names("trainable"),
      );
      assert.deepEqual(
        state.map(({ name }) => name),
        names("state"),
      );
      for (const slot of [...trainable, ...state]) assert.equal(slot.size, sizeOf(slot.shape));
      const travelling = buckets.flatMap(({ slots }) => slots);
      assert.deepEqual(travelling, trainable.toReversed());
      const end = (slots: readonly { offset: number; size: number }[], from: number) =>
        slots.reduce((at, slot) => {
          assert.equal(slot.offset, at);
          return at + slot.size;
        }, from);
      assert.equal(end(state, 0), stateSize);
      assert.equal(
        travelling.reduce((sum, slot) => sum + slot.size, 0),
        parameters,
      );
      for (const [index, bucket] of buckets.entries()) {
        assert.equal(bucket.index, index);
        assert.equal(bucket.offset % 16, 0, "TensorFlow reads it in place");
        assert.equal(end(bucket.slots, bucket.offset), bucket.offset + bucket.size);
        const next = buckets[index + 1]?.offset ?? size;
        assert.ok(next >= bucket.offset + bucket.size + 4, "kernels may write up to three elements beyond it");
        if (index < buckets.length - 1) assert.ok(bucket.size * 4 >= bucketBytes);
        assert.ok((bucket.size - bucket.slots.at(-1)!.size) * 4 < bucketBytes, "it closes as soon as it is full");
      }
    }),
  );
});

test("two parameters of one name are refused", () => {
  const one: ParameterSpec = { name: "a", shape: [1], role: "trainable", init: { kind: "zeros" }, decay: true };
  assert.throws(() => layoutOf([one, { ...one, role: "state" }]), /two parameters are named a/);
});

const LIST: readonly ParameterSpec[] = (
  [
    ["a", [2], "trainable"],
    ["b", [1], "state"],
    ["c", [3], "trainable"],
  ] as const
).map(([name, shape, role]) => ({ name, shape, role, init: { kind: "zeros" }, decay: false }));
const bytes = (...values: number[]) => {
  const buffer = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => {
    buffer.writeFloatLE(value, index * 4);
  });
  return buffer;
};
const sha256 = (buffer: Buffer) => createHash("sha256").update(buffer).digest("hex");

test("weights_sha256: trainable parameters in the network's order, then the state, little-endian float32", async () => {
  const layout = layoutOf(LIST);
  // The vector runs in reverse: c, then a. It may be a view of a larger buffer.
  const weights = new Float32Array([9, 3, 4, 5, 1, 2]).subarray(1);
  const state = new Float32Array([6]);
  assert.equal(weightsSha256(layout, { weights, state }), sha256(bytes(1, 2, 3, 4, 5, 6)));
  // Buckets decide how parameters lie and travel, not what they are.
  const apart = layoutOf(LIST, 4);
  const spread = new Float32Array(apart.size);
  spread.set([3, 4, 5], apart.buckets[0]!.offset);
  spread.set([1, 2], apart.buckets[1]!.offset);
  assert.equal(weightsSha256(apart, { weights: spread, state }), sha256(bytes(1, 2, 3, 4, 5, 6)));
  const { weightsSha256: same, parameters } = await hashesOf(layout, { weights, state }, async () => {});
  assert.equal(same, sha256(bytes(1, 2, 3, 4, 5, 6)));
  assert.deepEqual(parameters, {
    a: sha256(bytes(1, 2)).slice(0, 16),
    c: sha256(bytes(3, 4, 5)).slice(0, 16),
    b: sha256(bytes(6)).slice(0, 16),
  });
});

test("large vectors are hashed in pieces of a megabyte, across parameters, with a turn for others between them", async () => {
  const layout = layoutOf([
    { name: "large", shape: [700_000], role: "trainable", init: { kind: "zeros" }, decay: true },
    { name: "small", shape: [5], role: "trainable", init: { kind: "zeros" }, decay: true },
    { name: "state", shape: [300_000], role: "state", init: { kind: "zeros" }, decay: false },
  ]);
  const weights = Float32Array.from({ length: layout.size }, (_, index) => Math.sin(index));
  const state = Float32Array.from({ length: layout.stateSize }, (_, index) => Math.cos(index));
  let turns = 0;
  const hashes = await hashesOf(layout, { weights, state }, async () => void turns++);
  assert.equal(hashes.weightsSha256, weightsSha256(layout, { weights, state }));
  const { offset, size } = layout.trainable[0]!;
  const large = Buffer.from(weights.slice(offset, offset + size).buffer);
  assert.equal(hashes.parameters.large, sha256(large).slice(0, 16));
  assert.equal(turns, 1 + Math.floor((1_000_005 * 4) / 2 ** 20));
});

test("any changed bit changes weights_sha256 and the hash of its parameter alone", async () => {
  const layout = layoutOf(LIST);
  const noTurn = async () => {};
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 31 }), async (element, bit) => {
      const before = { weights: new Float32Array([3, 4, 5, 1, 2]), state: new Float32Array([6]) };
      const after = { weights: before.weights.slice(), state: before.state.slice() };
      const [vector, index] = element < 5 ? [after.weights, element] : [after.state, 0];
      const words = new Uint32Array(vector.buffer);
      words[index] = (words[index]! ^ (1 << bit)) >>> 0;
      assert.notEqual(weightsSha256(layout, after), weightsSha256(layout, before));
      const { parameters: one } = await hashesOf(layout, before, noTurn);
      const { parameters: other } = await hashesOf(layout, after, noTurn);
      const changed = Object.keys(one).filter((name) => one[name] !== other[name]);
      assert.deepEqual(changed, [element < 3 ? "c" : element < 5 ? "a" : "b"]);
    }),
  );
});
