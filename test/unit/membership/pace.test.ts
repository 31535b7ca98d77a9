import assert from "node:assert/strict";
import { test } from "node:test";
import { Pace } from "../../../src/membership/pace.js";
import { member } from "../../support/member.js";

test("a worker's first piece is not counted, and three pieces tell what is usual", () => {
  const pace = new Pace();
  const [a, b] = [member(0), member(1)];
  pace.took(a, 90_000);
  pace.took(b, 80_000);
  assert.equal(pace.usualMs(a, 1), null);
  for (const ms of [10, 12]) pace.took(a, ms);
  assert.equal(pace.usualMs(a, 1), null);
  pace.took(b, 14);
  assert.equal(pace.usualMs(a, 1), 12);
  assert.equal(pace.usualMs(b, 3), 36, "twice the work takes twice the time");
  assert.equal(pace.usualMs(member(2), 1), null, "it has still to compile");
});

test("a few pieces that were held up change nothing, and a machine that became slower is followed", () => {
  const pace = new Pace();
  const only = member(0);
  pace.took(only, 1);
  for (let count = 0; count < 31; count++) pace.took(only, 10);
  for (let count = 0; count < 10; count++) pace.took(only, 100_000);
  assert.equal(pace.usualMs(only, 1), 10);
  for (let count = 0; count < 6; count++) pace.took(only, 50);
  assert.equal(pace.usualMs(only, 1), 50);
});
