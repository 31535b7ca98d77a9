import assert from "node:assert/strict";
import { test } from "node:test";
import { Behind, isLate, mayRace } from "../../../src/membership/backups.js";
import { member } from "../../support/member.js";

test("late is half as long again as usual, and a tenth of a second; what is not known is never late", () => {
  assert.equal(isLate(1_500, 1_000), false);
  assert.equal(isLate(1_501, 1_000), true);
  assert.equal(isLate(100, 3), false);
  assert.equal(isLate(101, 3), true);
  assert.equal(isLate(1e9, null), false);
});

test("only workers whose results are messages race", () => {
  assert.equal(mayRace(member(0)), true);
  assert.equal(mayRace(member(0, "shared-memory")), false);
});

test("who is behind gets nothing new until it has ended what it computes, unless nobody else is there", () => {
  const behind = new Behind();
  const [a, b] = [member(0), member(1)];
  behind.add(b, { since: 5, usualMs: null });
  assert.deepEqual(behind.free([a, b]), [a]);
  assert.deepEqual(behind.free([b]), [b]);
  behind.forgive(10);
  assert.deepEqual(behind.owed(b), { since: 15, usualMs: null });
  behind.heard(b, { type: "heartbeat", phase: "computing", tensors: 0, tensorBytes: 0, rssBytes: 0 });
  assert.deepEqual(behind.free([a, b]), [a]);
  const work = { run: "run", rank: 1, incarnation: 0, step: 1, version: 0 };
  behind.heard(b, { type: "finished", ...work, start: 0, end: 1, timing: null });
  assert.deepEqual(behind.free([a, b]), [a, b]);
  assert.equal(behind.owed(b), null);
});
