import assert from "node:assert/strict";
import { test } from "node:test";
import { blocksOf } from "../../../../src/engine/kernels/batch-norm.js";

test("blocks divide the pixels, at most 32, each at least four times as long as there are blocks", () => {
  assert.equal(blocksOf(32 * 29 * 29), 32);
  assert.equal(blocksOf(25 * 29 * 29), 29);
  assert.equal(blocksOf(32 * 4 * 4), 8);
  assert.equal(blocksOf(16), 2);
  for (let pixels = 1; pixels < 3000; pixels++) {
    const blocks = blocksOf(pixels);
    assert.equal(pixels % blocks, 0);
    assert.ok(blocks === 1 || pixels / blocks >= 4 * blocks, `${pixels} pixels in ${blocks}`);
  }
});

test("a prime number of pixels, or very few, stays in one block", () => {
  for (const pixels of [1, 2, 4, 12, 15, 7919]) assert.equal(blocksOf(pixels), 1, `${pixels} pixels`);
});
