import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readWeightsFile } from "../../../src/checkpoint/weights-file.js";
import { temporaryDirectory } from "../../support/temporary.js";

/** A safetensors file of any types, as others write it. */
function fileOf(tensors: Record<string, { dtype: string; shape: number[]; bytes: Uint8Array }>): Uint8Array {
  let offset = 0;
  const entries = Object.entries(tensors).map(([name, { dtype, shape, bytes }]) => {
    const from = offset;
    offset += bytes.byteLength;
    return [name, { dtype, shape, data_offsets: [from, offset] }];
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.byteLength));
  return Buffer.concat([length, header, ...Object.values(tensors).map(({ bytes }) => bytes)]);
}
const halves = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);

test("float16, bfloat16 and float64 become float32; other types are left out", async (context) => {
  const path = join(temporaryDirectory(context), "half.safetensors");
  const file = fileOf({
    half: { dtype: "F16", shape: [6], bytes: halves(0x3c00, 0xc000, 0x0001, 0x7bff, 0xfc00, 0x3555) },
    brain: { dtype: "BF16", shape: [3], bytes: halves(0x3f80, 0xc000, 0x4049) },
    double: { dtype: "F64", shape: [1, 2], bytes: new Uint8Array(Float64Array.of(0.1, -3).buffer) },
    counter: { dtype: "I64", shape: [], bytes: new Uint8Array(8) },
    single: { dtype: "F32", shape: [2], bytes: new Uint8Array(Float32Array.of(1.5, -0.25).buffer) },
  });
  writeFileSync(path, file);
  const { tensors, sha256 } = await readWeightsFile(path);
  assert.deepEqual(
    tensors.map(({ name, shape, data }) => [name, shape, [...data]]),
    [
      ["half", [6], [1, -2, 2 ** -24, 65504, Number.NEGATIVE_INFINITY, 0.333251953125]],
      ["brain", [3], [1, -2, 3.140625]],
      ["double", [1, 2], [Math.fround(0.1), -3]],
      ["single", [2], [1.5, -0.25]],
    ],
  );
  assert.equal(sha256, createHash("sha256").update(file).digest("hex"));
});

test("a file that is missing, damaged or of another format is refused, with what to give", async (context) => {
  const dir = temporaryDirectory(context);
  const refused = (path: string, message: RegExp) =>
    assert.rejects(readWeightsFile(path), (error: Error & { code: string; exitCode: number }) => {
      assert.deepEqual([error.code, error.exitCode], ["init-weights", 2]);
      assert.match(error.message, message);
      assert.match(error.message, /safetensors\.torch\.save_file/);
      return true;
    });
  await refused(join(dir, "none.safetensors"), /does not exist/);
  await refused(dir, /cannot be read/);
  writeFileSync(join(dir, "model.pth"), "PK\u0003\u0004 and more");
  await refused(join(dir, "model.pth"), /not an intact safetensors file/);
  const short = fileOf({ half: { dtype: "F16", shape: [4], bytes: halves(1, 2) } });
  writeFileSync(join(dir, "short.safetensors"), short);
  await refused(join(dir, "short.safetensors"), /tensor half of shape \[4\] lies at 0 to 4/);
});
