import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WIRE } from "../../../src/limits.js";
import { framesOf, partsOf, payloadBytesOf } from "../../../src/transport/frames.js";

const header = Uint8Array.of(1, 2, 3);

test("a payload travels in slices that are views of it, and is one piece again", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), fc.integer({ min: 1, max: 40 }), (payload, frameBytes) => {
      const frames = framesOf({ header, payload }, frameBytes);
      for (const frame of frames.slice(1)) {
        assert.ok(frame.byteLength <= frameBytes);
        assert.equal(frame.buffer, payload.buffer);
      }
      const parts = partsOf(frames, frameBytes);
      assert.equal(parts[0], header);
      assert.deepEqual([...parts[1]!], [...payload]);
      assert.equal(payloadBytesOf(parts), payload.byteLength);
    }),
  );
  assert.deepEqual(framesOf({ header }, 4), [header]);
  assert.equal(partsOf(framesOf({ header, payload: new Uint8Array(12) }, 4), 4)[1]!.byteOffset % 4, 0);
});

test("frames that were not cut so stay as they came, more than a message may have", () => {
  const of = (...sizes: number[]) => [header, ...sizes.map((size) => new Uint8Array(size))];
  for (const frames of [of(4, 4, 5), of(4, 3, 4), of(3, 4), of(4, 4, 0), of(5, 4), of(0, 0), of(4, 0)]) {
    const parts = partsOf(frames, 4);
    assert.equal(parts, frames);
    assert.ok(parts.length > WIRE.parts);
    assert.equal(payloadBytesOf(parts), 0);
  }
  const large = Array.from({ length: WIRE.payloadBytes / WIRE.frameBytes + 1 }, () => slice);
  assert.equal(partsOf([header, ...large], WIRE.frameBytes).length, large.length + 1);
});

const slice = new Uint8Array(WIRE.frameBytes);
