import assert from "node:assert/strict";
import { test } from "node:test";
import { recipeSha256 } from "../../../src/config/resolve.js";
import { UsageError } from "../../../src/errors.js";
import { engineChange, sha256AtLength } from "../../../src/run/resumed.js";
import { FINGERPRINT } from "../../support/fake-worker.js";
import { testRecipe } from "../../support/recipe.js";

const NOW = { ...FINGERPRINT, onednn: "0" };
const START = { recipeSha256: "a".repeat(64), step: 7, fingerprint: FINGERPRINT };

test("an equal engine, another patch release, and a checkpoint that names none change nothing", () => {
  assert.equal(engineChange(START, { ...FINGERPRINT }, false), null);
  const released = { ...START, fingerprint: { ...FINGERPRINT, software: "0.1.0" } };
  assert.equal(engineChange(released, { ...FINGERPRINT, software: "0.1.4" }, false), null);
  assert.equal(engineChange({ ...START, fingerprint: null }, NOW, false), null);
});

test("another engine is refused with what differs and the way to go on", () => {
  assert.throws(
    () => engineChange(START, NOW, false),
    (error: unknown) =>
      error instanceof UsageError &&
      error.code === "engine-differs" &&
      /step 7.*onednn: expected d, received 0 \(TF_ENABLE_ONEDNN_OPTS.*--allow-different-engine/.test(error.message),
  );
});

test("where it is allowed, what follows has a hash of its own: of the old one, the step and the new engine", () => {
  const change = engineChange(START, NOW, true)!;
  assert.match(change.recipeSha256, /^[0-9a-f]{64}$/);
  assert.match(change.warning, new RegExp(`onednn: expected d, received 0.*recipe_sha256 is ${change.recipeSha256}`));
  const others = [
    engineChange({ ...START, step: 8 }, NOW, true),
    engineChange({ ...START, recipeSha256: "b".repeat(64) }, NOW, true),
    engineChange(START, { ...NOW, onednn: "1" }, true),
  ].map((each) => each!.recipeSha256);
  assert.equal(new Set([START.recipeSha256, change.recipeSha256, ...others]).size, 5);
  assert.deepEqual(engineChange({ ...START }, { ...NOW }, true), change);
});

test("another length: the hash of a run begun so, unless the old hash tells of more than its recipe", () => {
  const before = testRecipe();
  const longer = { ...before, epochs: 8 };
  const plain = { recipe: before, recipeSha256: recipeSha256(before), step: 7 };
  assert.equal(sha256AtLength(before, plain), plain.recipeSha256);
  assert.equal(sha256AtLength(longer, plain), recipeSha256(longer));
  const onAnotherEngine = { ...plain, recipeSha256: engineChange(START, NOW, true)!.recipeSha256 };
  assert.equal(sha256AtLength(before, onAnotherEngine), onAnotherEngine.recipeSha256);
  const told = sha256AtLength(longer, onAnotherEngine);
  assert.equal(new Set([told, recipeSha256(longer), onAnotherEngine.recipeSha256]).size, 3);
  assert.notEqual(sha256AtLength(longer, { ...onAnotherEngine, step: 8 }), told);
});
