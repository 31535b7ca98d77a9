import assert from "node:assert/strict";
import { test } from "node:test";
import { orderOf } from "../../../../src/engine/trace/order.js";

test("streams leave in the order of their last ops, and what comes after waits", () => {
  // 0 is an input, 1 and 2 the forward pass, 3 a constant; then each layer: what goes further down, and its gradients.
  const inputs = [[], [0], [1], [], [2, 3], [4, 1], [4], [5], [7, 0]];
  const order = orderOf(inputs, [[2], [7, 8], [5, 6]]);
  assert.deepEqual(order.streams, [0, 2, 1]);
  assert.deepEqual(
    [...order.waiting],
    [
      [0, [4]], // 5 and 6 read 4
      [2, [7]], // 8 reads 7
    ],
  );
});

test("all branches that begin after a stream wait for it", () => {
  const { waiting } = orderOf([[], [0], [1], [1], [2], [1, 0], [3, 4, 5]], [[1], [6]]);
  assert.deepEqual([...waiting], [[0, [2, 3, 5]]]);
});

test("a stream that hands an input out leaves first", () => {
  const { streams, waiting } = orderOf([[], [0, 0], [1]], [[2], [0]]);
  assert.deepEqual(streams, [1, 0]);
  assert.deepEqual([...waiting], [[1, [1]]]);
});

test("streams that end with one op leave in their own order, and nothing waits for the last", () => {
  const order = orderOf([[], [0], [1]], [[2], [2], [1]]);
  assert.deepEqual(order.streams, [2, 0, 1]);
  assert.deepEqual([...order.waiting], [[2, [2]]]);
});

test("without streams nothing waits", () => {
  assert.deepEqual(orderOf([[]], []), { streams: [], waiting: new Map() });
});
