import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { WORKER_PHASES } from "../../../src/events.js";
import { asBytes } from "../../../src/parameters/bytes.js";
import { asFloat32, type Decoded, decodeToCoordinator, decodeToWorker, encode } from "../../../src/protocol/codec.js";
import type { ToCoordinator, ToWorker } from "../../../src/protocol/messages.js";
import { FINGERPRINT } from "../../support/fake-worker.js";
import { testRecipe } from "../../support/recipe.js";

const index = fc.nat(2 ** 31 - 1);
const text = (maxLength: number) => fc.string({ unit: "grapheme", maxLength: Math.floor(maxLength / 16) });
const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
const sender = { run: text(64), rank: index, incarnation: index };
const work = { ...sender, step: index, version: index };
const range = { start: index, end: index };
const anyNumber = fc.oneof(
  fc.double().map((value) => value + 0), // msgpack's integers have no -0
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
);
const size = fc.nat(2 ** 52);
const type = <T extends string>(name: T) => fc.constant(name);

const ms = fc.double({ min: 0, max: 1e12, noNaN: true });
const span = fc.tuple(
  fc.constantFrom("input", "forward", "backward", "write"),
  index,
  fc.integer({ min: -1, max: 2 ** 31 - 1 }),
  ms,
  ms,
);
const timing = fc.record({
  assignedMs: ms,
  beganMs: ms,
  computingMs: ms,
  sentMs: ms,
  inputMs: ms,
  computeMs: ms,
  writeMs: ms,
  spans: fc.array(span, { maxLength: 20 }),
});
const TO_COORDINATOR: fc.Arbitrary<ToCoordinator> = fc.oneof(
  fc.record({
    type: type("hello"),
    protocol: index,
    token: fc.option(text(64)),
    pid: index,
    host: text(256),
    device: text(128),
  }),
  fc.record({
    type: type("join"),
    fingerprint: fc
      .record({ threads: index, deterministic: fc.boolean() })
      .map((some) => ({ ...FINGERPRINT, ...some })),
    datasetSha256: sha256,
    topologySha256: sha256,
    parameters: fc.option(
      fc.array(
        fc.record({
          name: text(256).map((name) => `p${name}`),
          shape: fc.array(index, { maxLength: 8 }),
          role: fc.constantFrom("trainable" as const, "state" as const),
          decay: fc.boolean(),
        }),
      ),
    ),
  }),
  fc.record({ type: type("progress"), what: text(4096) }),
  fc.record({
    type: type("heartbeat"),
    phase: fc.constantFrom(...WORKER_PHASES),
    tensors: index,
    tensorBytes: size,
    rssBytes: size,
  }),
  fc.record({ type: type("loss"), ...work, shard: index, loss: anyNumber, hits: index }),
  fc.record({ type: type("bucket"), ...work, ...range, bucket: index }),
  fc.record({
    type: type("finished"),
    ...work,
    ...range,
    timing,
  }),
  fc.record({ type: type("evaluated"), ...sender, evaluation: index, ...range, loss: anyNumber, hits: index }),
  fc.record({ type: type("failed"), code: text(64), message: text(16_384) }),
  fc.record({ type: type("bye") }),
);
const KIND = fc.constantFrom("raw", "ema");
const TO_WORKER: fc.Arbitrary<ToWorker> = fc.oneof(
  fc.record({
    type: type("recipe"),
    run: text(64),
    recipe: fc.constant(testRecipe({})),
    pixelStatistics: fc.constant(null),
  }),
  fc.record({ type: type("accept"), ...sender, exchange: fc.constantFrom("frames", "shared-memory") }),
  fc.record({ type: type("refuse"), code: text(64), message: text(16_384) }),
  fc.record({ type: type("weights"), kind: KIND, version: index, bucket: fc.integer({ min: -1, max: 2 ** 31 - 1 }) }),
  fc.record({
    type: type("assign"),
    step: index,
    version: index,
    epoch: index,
    stepInEpoch: index,
    batch: index,
    shards: fc.array(index, { maxLength: 1024 }),
    traced: fc.boolean(),
  }),
  fc.record({ type: type("evaluate"), evaluation: index, kind: KIND, version: index, ...range }),
  fc.record({ type: type("stop"), reason: text(4096) }),
  fc.record({ type: type("evict"), reason: text(4096) }),
);

function received<T>(decoded: Decoded<T>): T {
  assert.ok(decoded.ok, JSON.stringify(decoded));
  return decoded.message;
}

test("every message comes out as it went in, numbers that are none included", () => {
  fc.assert(
    fc.property(TO_COORDINATOR, (message) => {
      assert.deepStrictEqual(received(decodeToCoordinator([encode(message)])), structuredClone(message));
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(TO_WORKER, (message) => {
      assert.deepStrictEqual(received(decodeToWorker([encode(message)])), structuredClone(message));
    }),
    { numRuns: 500 },
  );
});

test("no bytes whatever make the decoder throw, and what it lets through is a message", () => {
  const part = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    // Damage to a real message gets further than noise does.
    fc
      .tuple(TO_COORDINATOR, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
      .map(([message, changes]) => {
        const bytes = Uint8Array.from(encode(message));
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        return bytes;
      }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 3 }), (parts) => {
      for (const decode of [decodeToCoordinator, decodeToWorker]) {
        const decoded = decode(parts);
        if (decoded.ok) {
          assert.ok(parts.length <= 2);
          assert.equal(typeof decoded.message.type, "string");
        } else assert.match(decoded.reason, /^(parts|size|depth|malformed|extension|schema|payload)$/);
      }
    }),
    { numRuns: 2000 },
  );
});

test("what is not exactly a message is told by its reason", () => {
  const packr = new Packr({ useRecords: false });
  const reason = (...parts: Uint8Array[]) => {
    const decoded = decodeToCoordinator(parts);
    return decoded.ok ? "accepted" : decoded.reason;
  };
  const of = (value: unknown) => reason(packr.pack(value));
  const bye = encode({ type: "bye" });
  assert.equal(reason(), "parts");
  assert.equal(reason(bye, bye, bye), "parts");
  assert.equal(reason(new Uint8Array(2 ** 20 + 1)), "size");
  assert.equal(reason(Buffer.concat([bye, bye])), "malformed");
  assert.equal(reason(bye, new Uint8Array(4)), "payload");
  assert.equal(of("bye"), "schema");
  assert.equal(of(null), "schema");
  assert.equal(of({ type: "bye", more: 1 }), "schema");
  assert.equal(of({ type: "hallo" }), "schema");
  assert.equal(of(new Map([["type", "bye"]])), "accepted");
  assert.equal(
    reason(
      Uint8Array.of(
        0x82,
        0xa4,
        ...Buffer.from("type"),
        0xa3,
        ...Buffer.from("bye"),
        0xa9,
        ...Buffer.from("__proto__"),
        0x80,
      ),
    ),
    "schema",
  );
  assert.equal(of({ type: "heartbeat", phase: "computing", tensors: -1, tensorBytes: 0, rssBytes: 0 }), "schema");
  assert.equal(of({ type: "heartbeat", phase: "computing", tensors: 1.5, tensorBytes: 0, rssBytes: 0 }), "schema");
  assert.equal(of({ type: "progress", what: "x".repeat(4097) }), "schema");
  assert.equal(reason(encode({ type: "stop", reason: "a worker's message, not a coordinator's" })), "schema");
});

test("floats of a payload are its own bytes, copied only where its place in memory asks for it", () => {
  fc.assert(
    fc.property(fc.float32Array({ maxLength: 16 }), fc.nat(7), (values, offset) => {
      const memory = new Uint8Array(values.byteLength + offset);
      memory.set(asBytes(values), offset);
      const payload = memory.subarray(offset);
      const floats = asFloat32(payload, values.length)!;
      assert.deepEqual(asBytes(floats), asBytes(values));
      assert.equal(floats.buffer === memory.buffer, offset % 4 === 0);
      assert.equal(asFloat32(payload, values.length + 1), null);
      const inPool = Buffer.from(memory.buffer, offset, values.byteLength); // its slice() would be a view
      assert.deepEqual(asBytes(asFloat32(inPool, values.length)!), asBytes(values));
    }),
  );
  assert.equal(asFloat32(null, 0), null);
});
