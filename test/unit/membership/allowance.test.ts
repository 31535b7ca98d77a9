import assert from "node:assert/strict";
import { test } from "node:test";
import { PEERS } from "../../../src/limits.js";
import { Allowance } from "../../../src/membership/allowance.js";

const taken = (allowance: Allowance, bytes: number, atMs: number) => {
  let count = 0;
  while (allowance.take(bytes, atMs)) count++;
  return count;
};

test("so many at once, fewer of large ones, and so many a second after that", () => {
  assert.equal(taken(new Allowance(0), 0, 0), PEERS.unaskedAtOnce);
  assert.equal(taken(new Allowance(0), 9 * 1024, 0), PEERS.unaskedAtOnce / 10);
  const allowance = new Allowance(5000);
  taken(allowance, 0, 5000);
  assert.equal(taken(allowance, 0, 6000), PEERS.unaskedASecond - 1); // the one too many is paid for as well
  assert.equal(taken(allowance, 0, 3_600_000), PEERS.unaskedAtOnce);
});

test("a sign of life each second never ends it", () => {
  const allowance = new Allowance(0);
  for (let second = 0; second < 100_000; second++) assert.ok(allowance.take(100, second * 1000));
});
