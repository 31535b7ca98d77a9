import assert from "node:assert/strict";
import { test } from "node:test";
import { UsageError } from "../../../src/errors.js";
import { bitsOf, fakeRun } from "../../support/fake-run.js";
import { FINGERPRINT } from "../../support/fake-worker.js";

test("checkpoints name the workers' engine, and the recipe's hash that the run was given for it", async () => {
  const plain = fakeRun({ workers: 2 });
  for (let each = 0; each < 2; each++) plain.worker();
  const expected = (await plain.coordinator.run()).snapshot;
  assert.deepEqual(expected.fingerprint, FINGERPRINT);
  assert.equal(expected.recipeSha256, "f".repeat(64));

  const asked: unknown[] = [];
  const run = fakeRun({
    workers: 2,
    engineKnown(fingerprint) {
      asked.push(fingerprint);
      return "0".repeat(64);
    },
  });
  for (let each = 0; each < 2; each++) run.worker();
  const { snapshot } = await run.coordinator.run();
  assert.deepEqual(asked, [FINGERPRINT]);
  assert.equal(bitsOf(snapshot), bitsOf(expected));
  assert.ok(run.saved.length > 0);
  for (const saved of [...run.saved, snapshot]) {
    assert.deepEqual(saved.fingerprint, FINGERPRINT);
    assert.equal(saved.recipeSha256, "0".repeat(64));
  }
});

test("an engine that is not accepted ends the run before anything is computed", async () => {
  const refusal = new UsageError("engine-differs", "another one");
  const run = fakeRun({
    engineKnown: () => {
      throw refusal;
    },
  });
  const worker = run.worker();
  await assert.rejects(run.coordinator.run(), refusal);
  assert.deepEqual(worker.received, ["recipe", "accept", "stop"]);
  assert.deepEqual(run.saved, []);
});
