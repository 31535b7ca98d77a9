import assert from "node:assert/strict";
import { test } from "node:test";
import { weightsSha256 } from "../../../src/parameters/hash.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { doneEvent } from "../../../src/run/follow.js";
import { summaryLines } from "../../../src/terminal/progress.js";
import { testSnapshot } from "../../support/snapshot.js";

const FACTS = {
  accuracy: 0.5,
  seconds: 2,
  checkpoint: "/runs/a b/checkpoints/step-00000012",
  runDir: "/runs/a b",
  heldBack: { bottleneck: null, text: null },
  nodeBytes: null,
};

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

test("where no worker has given values yet, no hash is told", () => {
  const none = { weights: new Float32Array(0), state: new Float32Array(0), slots: {} };
  const snapshot = testSnapshot({ step: 0, loss: null, best: null, fingerprint: null, ...none }, layoutOf([]));
  const outcome = { kind: "stopped", snapshot, checkpoint: null, samplesPerSecond: 0 } as const;
  const stopped = doneEvent(outcome, { ...FACTS, accuracy: null, checkpoint: null });
  assert.equal(stopped.weights_sha256, null);
  const summary = summaryLines(stopped).join("\n");
  assert.match(summary, /^stopped before the first step/);
  assert.doesNotMatch(summary, /weights /);
});
