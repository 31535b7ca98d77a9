import assert from "node:assert/strict";
import { test } from "node:test";
import { piecesOf } from "../../../../src/engine/kernels/towers.js";

test("a window over all channels, as pieces of the devices' parts", () => {
  const sizes = [4, 4, 3];
  assert.deepEqual(piecesOf([0, 11], sizes), [
    { device: 0, start: 0, size: 4 },
    { device: 1, start: 0, size: 4 },
    { device: 2, start: 0, size: 3 },
  ]);
  assert.deepEqual(piecesOf([2, 10], sizes), [
    { device: 0, start: 2, size: 2 },
    { device: 1, start: 0, size: 4 },
    { device: 2, start: 0, size: 2 },
  ]);
  assert.deepEqual(piecesOf([5, 7], sizes), [{ device: 1, start: 1, size: 2 }]);
});
