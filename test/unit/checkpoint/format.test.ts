import assert from "node:assert/strict";
import { test } from "node:test";
import { contentsOf, snapshotOf } from "../../../src/checkpoint/format.js";
import { FINGERPRINT } from "../../support/fake-worker.js";
import { testSnapshot } from "../../support/snapshot.js";

test("the engine's fingerprint is kept; a state from before it was has none, and one that is not whole is refused", () => {
  const contents = contentsOf(testSnapshot());
  assert.deepEqual(snapshotOf(contents).fingerprint, FINGERPRINT);
  const { fingerprint, ...before } = contents.state;
  assert.equal(snapshotOf({ ...contents, state: before }).fingerprint, null);
  const { onednn: _, ...damaged } = fingerprint!;
  assert.throws(() => snapshotOf({ ...contents, state: { ...before, fingerprint: damaged } }), {
    code: "checkpoint",
    message: /fingerprint\.onednn/,
  });
});
