/** Strangers at the addresses of a training, in short; `npm run strangers` is the whole of it, with its times and memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { strangers } from "../strangers/strangers.js";
import { scratch } from "../support/runs.js";

test("a training goes on beside mutated messages, broken handshakes and idle connections, and each is counted by its reason", async (context) => {
  const counts = { frames: 600, handshakes: 150, idle: 150 };
  const { attacked, rejected, exitCode, stderr } = await strangers(
    scratch(context),
    { counts, calmMs: 200, idleMs: 1500, seed: 1 },
    () => {},
  );
  assert.equal(exitCode, 75, stderr);
  assert.equal(attacked.length, 3);
  for (const { what, steps } of attacked) assert.ok(steps > 0, what);
  for (const reason of ["wire malformed", "wire parts", "wire depth", "wire extension", "wire key", "wire handshake"])
    assert.ok(rejected[reason]! > 0, `${reason}: ${JSON.stringify(rejected)}`);
  for (const reason of ["http malformed", "http connections"])
    assert.ok(rejected[reason]! > 0, `${reason}: ${JSON.stringify(rejected)}`);
});
