import assert from "node:assert/strict";
import { test } from "node:test";
import { weightsSha256 } from "../../../src/parameters/hash.js";
import { doneEvent } from "../../../src/run/follow.js";
import { testSnapshot } from "../../support/snapshot.js";

const FACTS = { accuracy: 0.5, seconds: 2, checkpoint: "/runs/a b/checkpoints/step-00000012", runDir: "/runs/a b" };

test("the last event tells what was trained; a run that was stopped tells how to go on", () => {
  const snapshot = testSnapshot();
  const outcome = { snapshot, checkpoint: null, samplesPerSecond: 3 };
  const done = doneEvent({ kind: "done", ...outcome }, FACTS);
  assert.equal(done.event, "done");
  assert.equal(done.weights_sha256, weightsSha256(snapshot.layout, snapshot));
  assert.equal(done.best_accuracy, snapshot.best?.accuracy);
  assert.equal(done.checkpoint, FACTS.checkpoint);
  assert.equal(done.resume_command, null);
  const stopped = doneEvent({ kind: "stopped", ...outcome }, { ...FACTS, checkpoint: null });
  assert.equal(stopped.event, "stopped");
  assert.equal(stopped.resume_command, "cnn-dist resume '/runs/a b'", "without a checkpoint it begins again");
});
