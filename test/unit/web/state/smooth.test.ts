import assert from "node:assert/strict";
import { test } from "node:test";
import { capOf } from "../../../../src/web/state/cap.js";
import { smoothed } from "../../../../src/web/state/smooth.js";

test("a moving average begins with the first value, and no weight leaves values as they are", () => {
  assert.deepEqual(smoothed([4, 8], [1, 1], 0), [4, 8]);
  const [first, second] = smoothed([4, 8], [1, 1], 0.5);
  assert.equal(first, 4);
  assert.ok(Math.abs(second! - (4 * 0.25 + 8 * 0.5) / 0.75) < 1e-12);
});

test("a point of four steps moves the average as four steps of its value do", () => {
  const apart = smoothed([1, 2, 2, 2, 2], [1, 1, 1, 1, 1], 0.9).at(-1)!;
  const together = smoothed([1, 2], [1, 4], 0.9).at(-1)!;
  assert.ok(Math.abs(apart - together) < 1e-12);
});

test("one outlier does not decide how high a picture is; equal values, and none, have a height as well", () => {
  assert.equal(capOf([...Array.from({ length: 99 }, () => 2), 500]), 2.5);
  assert.equal(capOf([3, 3]), 3);
  assert.equal(capOf([0, 0]), 1);
  assert.equal(capOf([]), 1);
  assert.equal(capOf([0, 0, 0, 9]), 9);
});
