import assert from "node:assert/strict";
import { test } from "node:test";
import { verdict } from "../../../src/commands/verify.js";
import type { ReplayEntry } from "../../../src/run/replay.js";
import { compared } from "../../../src/run/verify.js";
import { FINGERPRINT } from "../../support/fake-worker.js";

const OTHER = { ...FINGERPRINT, onednn: "0" };
const entry = (step: number, changes: Partial<ReplayEntry> = {}): ReplayEntry => ({
  step,
  loss: 1 / step,
  weights_sha256: `weights ${step}`,
  parameters: { "conv1/kernel": `kernel ${step}`, "conv1/bias": `bias ${step}` },
  fingerprint: FINGERPRINT,
  ...changes,
});
const RECORDED = [1, 2, 3].map((step) => entry(step));
const ONEDNN = [{ what: "onednn", expected: "d", received: "0" }];

test("an equal replay is identical, on whatever engine, and another engine is named", () => {
  assert.deepEqual(compared(RECORDED, RECORDED), { identical: true, difference: null, engine: [] });
  const elsewhere = RECORDED.map((each) => ({ ...each, fingerprint: OTHER }));
  assert.deepEqual(compared(RECORDED, elsewhere), { identical: true, difference: null, engine: ONEDNN });
});

test("where weights differ, the engines of that step are compared: those before it made no difference", () => {
  const wrong = { parameters: { ...RECORDED[1]!.parameters, "conv1/bias": "wrong" } };
  const difference = { step: 2, parameter: "conv1/bias", expected: "bias 2", received: "wrong" };
  const replayed = (engines: readonly (typeof FINGERPRINT)[]) =>
    RECORDED.map((each, index) => ({ ...each, ...(index === 1 ? wrong : {}), fingerprint: engines[index]! }));
  const at = (engines: readonly (typeof FINGERPRINT)[]) => compared(RECORDED, replayed(engines));
  assert.deepEqual(at([FINGERPRINT, FINGERPRINT, OTHER]), { identical: false, difference, engine: [] });
  assert.deepEqual(at([FINGERPRINT, OTHER, OTHER]), { identical: false, difference, engine: ONEDNN });
  assert.deepEqual(at([OTHER, FINGERPRINT, OTHER]), { identical: false, difference, engine: [] });
});

test("what was recorded without an engine is compared by its weights alone", () => {
  const old = RECORDED.map((each) => ({ ...each, fingerprint: null }));
  assert.deepEqual(compared(old, RECORDED), { identical: true, difference: null, engine: [] });
  assert.equal(compared(old, [entry(1, { loss: 0 })]).difference?.parameter, "loss");
  assert.equal(compared(old, [entry(1)]).difference?.received, "no such step");
});

test("the verdict begins with the engine where that is the likely cause", () => {
  const result = { steps: 3, recipe_sha256: "", weights_sha256: "abc" };
  const difference = { step: 2, parameter: null, expected: "x", received: "y" };
  const words = (engine: typeof ONEDNN, found: typeof difference | null) =>
    verdict({ ...result, identical: found === null, difference: found, engine: engine as never }, "runs/one");
  assert.match(words([], null), /^bit-identical: the first 3 steps of runs\/one left the same weights \(abc\)\n$/);
  assert.match(words(ONEDNN, null), /^bit-identical: .*another one\. onednn: expected d, received 0/);
  assert.match(words([], difference), /^different: first at step 2: /);
  assert.match(words(ONEDNN, difference), /^computed by another engine.*onednn.*\ndifferent: first at step 2: /s);
});
