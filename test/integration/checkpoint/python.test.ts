import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { CheckpointStore } from "../../../src/checkpoint/store.js";
import { fixturePath } from "../../support/fixtures.js";
import { pythonWithSafetensors } from "../../support/python.js";
import { testSnapshot } from "../../support/snapshot.js";
import { temporaryDirectory } from "../../support/temporary.js";

test("Python's safetensors reads both files of a checkpoint as they are", async (context) => {
  const snapshot = testSnapshot();
  const { path } = await new CheckpointStore(temporaryDirectory(context), 1).save(snapshot);
  const python = pythonWithSafetensors();
  const read = (file: string) =>
    JSON.parse(
      execFileSync(python, [fixturePath("read_safetensors.py"), join(path, file)], { encoding: "utf8" }),
    ) as Record<string, [string, number[], string]>;
  const check = (found: unknown, shape: readonly number[], { buffer, byteOffset, byteLength }: Float32Array) => {
    const sha256 = createHash("sha256")
      .update(new Uint8Array(buffer, byteOffset, byteLength))
      .digest("hex");
    assert.deepEqual(found, ["float32", shape, sha256]);
  };
  const weights = read("weights.safetensors");
  const { trainable, state } = snapshot.layout;
  assert.deepEqual(Object.keys(weights).sort(), [...trainable, ...state].map(({ name }) => name).sort());
  for (const { name, shape, offset, size } of trainable)
    check(weights[name]!, shape, snapshot.weights.subarray(offset, offset + size));
  for (const { name, shape, offset, size } of state)
    check(weights[name]!, shape, snapshot.state.subarray(offset, offset + size));
  const optimizer = read("optimizer.safetensors");
  assert.equal(Object.keys(optimizer).length, 2 * trainable.length);
  for (const slot of ["m", "v"]) {
    for (const { name, shape, offset, size } of trainable)
      check(optimizer[`${slot}/${name}`]!, shape, snapshot.slots[slot]!.subarray(offset, offset + size));
  }
});
