import assert from "node:assert/strict";
import { test } from "node:test";
import { lookup3 } from "../../../src/export/lookup3.js";

test("the hash is the one that its author published values of", () => {
  assert.equal(lookup3(new Uint8Array(0)), 0xdeadbeef);
  assert.equal(lookup3(new TextEncoder().encode("Four score and seven years ago")), 0x17770551);
});
