import assert from "node:assert/strict";
import { test } from "node:test";
import { keyOf, peerId } from "../../../src/transport/keys.js";
import { decodeZ85, encodeZ85 } from "../../../src/transport/z85.js";
import { keyRing } from "../../support/keys.js";

test("Z85 as the specification's example has it, there and back", () => {
  const bytes = Uint8Array.of(0x86, 0x4f, 0xd2, 0x6f, 0xb5, 0x59, 0xf7, 0x5b);
  assert.equal(encodeZ85(bytes), "HelloWorld");
  assert.deepEqual(decodeZ85("HelloWorld"), bytes);
  const all = Uint8Array.from({ length: 256 }, (_, index) => index);
  assert.deepEqual(decodeZ85(encodeZ85(all)), all);
});

test("what is not Z85 is null", () => {
  for (const text of ["Hell", "Hello~orld", "#####", "Hällo"]) assert.equal(decodeZ85(text), null, text);
});

test("a routing id proves the key that made it, to the coordinator that it was made for alone", () => {
  const ring = keyRing();
  const worker = ring.worker();
  const id = peerId(worker);
  assert.notEqual(id[0], 0); // ZeroMQ keeps those for itself
  assert.equal(keyOf(id, ring.coordinator.secret), worker.public);
  assert.equal(keyOf(id, keyRing().coordinator.secret), null);
  assert.notDeepEqual(peerId(worker), id);
});

test("an id with any bit changed, cut or longer proves nothing", () => {
  const ring = keyRing();
  const id = peerId(ring.worker());
  for (let at = 1; at < id.byteLength; at++) {
    const changed = Buffer.from(id);
    changed[at]! ^= 1;
    assert.equal(keyOf(changed, ring.coordinator.secret), null, `byte ${at}`);
  }
  for (const other of [id.subarray(1), Buffer.concat([id, id]), Buffer.alloc(0), Buffer.alloc(id.byteLength)])
    assert.equal(keyOf(other, ring.coordinator.secret), null);
});

test("the public key of another cannot be claimed without its secret", () => {
  const ring = keyRing();
  const victim = ring.worker();
  const thief = ring.worker();
  assert.equal(keyOf(peerId({ ...thief, public: victim.public }), ring.coordinator.secret), null);
});
