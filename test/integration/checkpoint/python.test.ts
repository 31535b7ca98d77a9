import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
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
    ) as Record<string, [number[], number, number]>;
  const check = (found: [number[], number, number], shape: readonly number[], values: Float32Array) => {
    assert.deepEqual(found[0], shape);
    assert.ok(Math.abs(found[1] - values.reduce((sum, value) => sum + value, 0)) < 1e-6);
    assert.equal(found[2], values[0]);
  };
  const weights = read("weights.safetensors");
  const { trainable, state } = snapshot.layout;
  assert.deepEqual(Object.keys(weights).sort(), [...trainable, ...state].map(({ name }) => name).sort());
  for (const { name, shape, offset, size } of trainable)
    check(weights[name]!, shape, snapshot.weights.subarray(offset, offset + size));
  for (const { name, shape, offset, size } of state)
    check(weights[name]!, shape, snapshot.state.subarray(offset, offset + size));
  const optimizer = read("optimizer.safetensors");
  for (const slot of ["m", "v"]) {
    for (const { name, shape, offset, size } of trainable)
      check(optimizer[`${slot}/${name}`]!, shape, snapshot.slots[slot]!.subarray(offset, offset + size));
  }
});
