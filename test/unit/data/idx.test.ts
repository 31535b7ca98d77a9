import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { parseIdx } from "../../../src/data/idx.js";
import { EXIT, UsageError } from "../../../src/errors.js";
import { idxBytes, idxFile } from "../../support/idx.js";

const sample = fc
  .array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 })
  .chain((dims) =>
    fc
      .uint8Array({ minLength: dims.reduce((a, b) => a * b), maxLength: dims.reduce((a, b) => a * b) })
      .map((data) => ({ dims, data })),
  );

test("what was written is read, gzipped or not", async () => {
  await fc.assert(
    fc.asyncProperty(sample, fc.boolean(), async ({ dims, data }, packed) => {
      const file = packed ? idxFile(dims, data) : idxBytes(dims, data);
      const { dims: readDims, data: readData } = await parseIdx("x", file, dims.length);
      assert.deepEqual(readDims, dims);
      assert.deepEqual(Uint8Array.from(readData), data);
    }),
    { numRuns: 50 },
  );
});

test("no truncation is accepted, at whatever byte, packed or not", async () => {
  const bytes = idxBytes([4, 3, 2], new Uint8Array(24).fill(7));
  const packed = gzipSync(bytes);
  for (const file of [bytes, packed]) {
    for (let length = 0; length < file.length; length++) {
      await assert.rejects(parseIdx("cut", file.subarray(0, length), 3), (error: unknown) => {
        assert.ok(error instanceof UsageError);
        assert.equal(error.code, "data-damaged");
        assert.match(error.message, /^cut is truncated or damaged/);
        return true;
      });
    }
  }
});

test("errors name the file, what was expected and what was received", async () => {
  const rejects = (file: Uint8Array, rank: number, message: RegExp) =>
    assert.rejects(parseIdx("images.gz", file, rank), (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.equal(error.exitCode, EXIT.usage);
      assert.match(error.message, message);
      return true;
    });
  await rejects(idxFile([4], new Uint8Array(4)), 3, /images\.gz.* 12 bytes, fewer than its header of 16/);
  await rejects(idxFile([20], new Uint8Array(20)), 3, /magic number is 0x00000801, expected 0x00000803/);
  await rejects(idxFile([2, 2, 2], new Uint8Array(9)), 3, /announces 2x2x2 = 8 bytes of data, and 9 follow/);
  await rejects(idxFile([2 ** 32 - 1, 2 ** 32 - 1], new Uint8Array(1)), 2, /and 1 follow/);
});
