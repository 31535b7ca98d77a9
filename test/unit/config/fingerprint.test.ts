import assert from "node:assert/strict";
import { test } from "node:test";
import {
  describeDifferences,
  differences,
  differencesSince,
  type Fingerprint,
} from "../../../src/config/fingerprint.js";
import { FINGERPRINT } from "../../support/fake-worker.js";

const CHANGED: Fingerprint = {
  software: "9.0.0",
  tensorflow: "2.99.0",
  build: "other",
  device: "NVIDIA T4",
  instructions: "x64 avx2",
  onednn: "0",
  threads: 2,
  deterministic: false,
  tf32: true,
};

test("every field counts, alone and together", () => {
  assert.deepEqual(differences(FINGERPRINT, { ...FINGERPRINT }), []);
  for (const what of Object.keys(CHANGED) as (keyof Fingerprint)[]) {
    const now = { ...FINGERPRINT, [what]: CHANGED[what] };
    const expected = [{ what, expected: String(FINGERPRINT[what]), received: String(CHANGED[what]) }];
    assert.deepEqual(differences(FINGERPRINT, now), expected);
    assert.deepEqual(differencesSince(FINGERPRINT, now), expected);
  }
  assert.equal(differences(FINGERPRINT, CHANGED).length, Object.keys(FINGERPRINT).length);
});

test("a later process may be of another patch release, and of no other minor or major one", () => {
  const at = (software: string): Fingerprint => ({ ...FINGERPRINT, software });
  const changed = (before: string, now: string) => differencesSince(at(before), at(now)).map(({ what }) => what);
  assert.deepEqual(changed("1.2.3", "1.2.0"), []);
  assert.deepEqual(changed("1.2.3", "1.2.10-beta.1"), []);
  assert.deepEqual(changed("1.2.3", "1.20.3"), ["software"]);
  assert.deepEqual(changed("1.2.3", "2.2.3"), ["software"]);
  assert.deepEqual(
    differences(at("1.2.3"), at("1.2.0")).map(({ what }) => what),
    ["software"],
  );
});

test("a difference is told with both values and what may be the cause", () => {
  const now = { ...FINGERPRINT, onednn: "0", threads: 2 };
  assert.equal(
    describeDifferences(differences(FINGERPRINT, now)),
    "onednn: expected d, received 0 (TF_ENABLE_ONEDNN_OPTS, ONEDNN_MAX_CPU_ISA or ONEDNN_DEFAULT_FPMATH_MODE in the environment); " +
      "threads: expected 1, received 2 (another number of --threads)",
  );
});
