import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { configProto } from "../../../../src/engine/native/config-proto.js";

/** Fields of a protobuf message: numbers for varints, bytes for the rest. A decoder of its own, to check the encoder with. */
function fieldsOf(bytes: Uint8Array): Map<number, number | Uint8Array> {
  const fields = new Map<number, number | Uint8Array>();
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.byteLength) {
    const key = varint();
    const value = varint();
    if (key % 8 === 0) fields.set(key >> 3, value);
    else {
      assert.equal(key % 8, 2, "only varints and length-delimited fields are used");
      fields.set(key >> 3, bytes.slice(at, at + value));
      at += value;
    }
  }
  assert.equal(at, bytes.byteLength);
  return fields;
}
const inner = (fields: Map<number, number | Uint8Array>, field: number) => fieldsOf(fields.get(field) as Uint8Array);

test("threads inside an op and ops side by side are as asked", () => {
  const count = fc.integer({ min: 1, max: 100_000 });
  fc.assert(
    fc.property(count, count, (threads, lanes) => {
      const fields = fieldsOf(configProto({ threads, lanes, device: "cpu", precision: "fp32" }));
      assert.equal(fields.get(2), threads);
      assert.equal(fields.get(5), lanes);
    }),
  );
});

test("on the CPU no GPU is opened; on a GPU memory is taken as it is needed", () => {
  const cpu = fieldsOf(configProto({ threads: 1, lanes: 1, device: "cpu", precision: "fp32" }));
  const count = inner(cpu, 1);
  assert.equal(new TextDecoder().decode(count.get(1) as Uint8Array), "GPU");
  assert.equal(count.get(2), 0);
  const gpu = fieldsOf(configProto({ threads: 1, lanes: 1, device: "gpu", precision: "fp32" }));
  assert.equal(gpu.has(1), false);
  assert.equal(inner(gpu, 6).get(4), 1);
});

test("precision: the rewriter's option of bfloat16 is on, and none for float32", () => {
  const rewriter = (precision: "fp32" | "bf16") => {
    const fields = fieldsOf(configProto({ threads: 1, lanes: 1, device: "cpu", precision }));
    return fields.has(10) ? [...inner(inner(fields, 10), 10)] : null;
  };
  assert.equal(rewriter("fp32"), null);
  assert.deepEqual(rewriter("bf16"), [[31, 1]]);
});
