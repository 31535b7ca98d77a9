import assert from "node:assert/strict";
import { statSync } from "node:fs";
import { test } from "node:test";
import { SharedFile } from "../../../src/exchange/mapping.js";

test("what one view writes, another sees, and so does memory that the file was laid over", () => {
  const file = SharedFile.create();
  file.allocate(3 * 4096);
  const [one, other] = [new Uint8Array(file.view()), new Uint8Array(file.view())];
  one[4096] = 7;
  assert.equal(other[4096], 7);
  const laid = new Uint8Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer);
  laid.fill(1);
  file.layOver(laid.subarray(8192, 12288), 4096);
  assert.equal(laid[8192], 7);
  laid[8193] = 9;
  assert.equal(one[4097], 9);
  assert.deepEqual([laid[8191], laid[12288]], [1, 1], "the memory around it is left alone");
  file.close();
  assert.equal(other[4097], 9, "what is mapped stays mapped");
});

test("discarded memory is given back at once, and reads as zeros", () => {
  const file = SharedFile.create();
  file.allocate(1 << 20);
  const bytes = new Uint8Array(file.view());
  bytes.fill(1);
  const blocks = () => statSync(`/proc/self/fd/${file.descriptor}`).blocks;
  assert.equal(blocks(), 2048);
  file.discard();
  assert.equal(blocks(), 0);
  assert.equal(bytes[5000], 0);
});

test("a process that got the descriptor sees the same bytes", () => {
  const file = SharedFile.create();
  file.resize(100);
  const inherited = SharedFile.inherited(file.descriptor);
  new Float32Array(file.view())[3] = 1.5;
  assert.equal(new Float32Array(inherited.view())[3], 1.5);
});

test("memory that is not there is refused with what is needed, what is free, and what to do", () => {
  assert.throws(() => SharedFile.create().allocate(5e9, 1e9), {
    code: "shared-memory",
    message: /take 5\.0 GB of shared memory, and 1\.0 GB are free\. Use --exchange frames/,
  });
});

test("what is no whole page is refused, and nothing is laid over", () => {
  const file = SharedFile.create();
  file.allocate(8192);
  const memory = new Uint8Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer);
  assert.throws(() => file.layOver(memory.subarray(1, 4097), 0), RangeError);
  assert.throws(() => file.layOver(memory.subarray(0, 4096), 100), RangeError);
});
