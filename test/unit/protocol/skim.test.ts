import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Packr } from "msgpackr";
import { WIRE } from "../../../src/limits.js";
import { skim } from "../../../src/protocol/skim.js";

const packr = new Packr({ useRecords: false, mapsAsObjects: true, variableMapSize: true });
const bytes = (...values: number[]) => Uint8Array.from(values);
const nested = (depth: number) => new Uint8Array(depth + 1).fill(0x91, 0, depth); // [[[…0…]]]

test("any plain value within the limits is acceptable, and no prefix of it nor anything longer is", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: WIRE.depth - 1 }), fc.nat(), (value, cut) => {
      const packed = packr.pack(value);
      assert.equal(skim(packed), null);
      assert.notEqual(skim(packed.subarray(0, cut % packed.length)), null);
      assert.equal(skim(Buffer.concat([packed, bytes(0)])), "malformed");
    }),
  );
});

test("it reads within a larger buffer without looking outside of its own part", () => {
  const packed = packr.pack({ type: "bye" });
  const around = Buffer.concat([bytes(0xdf, 0xff), packed, bytes(0xff)]);
  assert.equal(skim(around.subarray(2, 2 + packed.length)), null);
  assert.equal(skim(around.subarray(2, 1 + packed.length)), "malformed");
});

test("strings of every width of length are passed over whole", () => {
  for (const length of [0, 31, 32, 255, 256, 65_535, 65_536]) {
    const packed = packr.pack(["x".repeat(length), 1]);
    assert.equal(skim(packed), null, `${length}`);
    assert.equal(skim(packed.subarray(0, -1)), "malformed", `${length}`);
  }
});

test("numbers of every width are passed over whole", () => {
  for (const value of [
    0,
    -1,
    127,
    128,
    -33,
    255,
    256,
    -129,
    65_536,
    -40_000,
    2 ** 31,
    -(2 ** 31),
    2 ** 40,
    0.1,
    Number.NaN,
  ])
    assert.equal(skim(packr.pack([value, true, null])), null, String(value));
  assert.equal(skim(bytes(0xcf, 0, 0, 0, 0, 0, 0, 0, 1)), null);
  assert.equal(skim(bytes(0xca, 0x3f, 0x80, 0, 0)), null);
});

test("depth is counted before anything is decoded", () => {
  assert.equal(skim(nested(WIRE.depth)), null);
  assert.equal(skim(nested(WIRE.depth + 1)), "depth");
  assert.equal(skim(nested(100_000)), "depth");
});

test("a count that the header has no bytes for is refused, whatever it promises", () => {
  assert.equal(skim(bytes(0xdd, 0xff, 0xff, 0xff, 0xff)), "malformed"); // an array of 2^32 - 1
  assert.equal(skim(bytes(0xdf, 0xff, 0xff, 0xff, 0xff, 0xc0)), "malformed"); // a map
  assert.equal(skim(bytes(0xdb, 0xff, 0xff, 0xff, 0xff)), "malformed"); // a string
  assert.equal(skim(bytes(0xc6, 0x7f, 0xff, 0xff, 0xff, 1)), "malformed"); // binary
  for (const tag of [0xdc, 0xdd, 0xde, 0xdf, 0xd9, 0xda, 0xdb]) assert.equal(skim(bytes(tag)), "malformed");
});

test("sizes and numbers of elements are bounded", () => {
  assert.equal(skim(new Uint8Array(WIRE.headerBytes + 1)), "size");
  assert.equal(skim(packr.pack(new Array(WIRE.elements).fill(0))), "size");
  assert.equal(skim(packr.pack(new Array(WIRE.elements - 1).fill(0))), null);
});

test("extensions, which run code in a decoder, are refused at any place", () => {
  for (const tag of [0xc7, 0xc8, 0xc9, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8]) {
    assert.equal(skim(bytes(tag, 1, 1, 1)), "extension");
    assert.equal(skim(bytes(0x92, 0xc0, tag, 1, 1)), "extension");
  }
  assert.equal(skim(bytes(0xc1)), "malformed");
  assert.equal(skim(bytes()), "malformed");
});
