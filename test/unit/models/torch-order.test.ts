import assert from "node:assert/strict";
import { test } from "node:test";
import { fromTorch, type TorchOrder, toTorch } from "../../../src/models/torch-order.js";

const counting = (size: number) => Float32Array.from({ length: size }, (_, index) => index);

test("kernels, dense kernels and flattened ones are put into our order", () => {
  const kernel = fromTorch({ shape: [2, 3, 1, 2], data: counting(12) }, { kind: "oihw" });
  assert.deepEqual(kernel.shape, [1, 2, 3, 2]);
  // [row 0, column 1, input 2, output 1] is [output 1, input 2, row 0, column 1] there.
  assert.equal(kernel.data[(1 * 3 + 2) * 2 + 1], (1 * 3 + 2) * 2 + 1);
  assert.deepEqual([...kernel.data], [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11]);
  const dense = fromTorch({ shape: [2, 3], data: counting(6) }, { kind: "linear" });
  assert.deepEqual(
    [dense.shape, [...dense.data]],
    [
      [3, 2],
      [0, 3, 1, 4, 2, 5],
    ],
  );
  // Two channels of 1x2: theirs are channel by channel, ours place by place.
  const flattened = fromTorch({ shape: [1, 4], data: counting(4) }, { kind: "flattened", maps: [1, 2, 2] });
  assert.deepEqual(
    [flattened.shape, [...flattened.data]],
    [
      [4, 1],
      [0, 2, 1, 3],
    ],
  );
  const foreign = fromTorch({ shape: [1, 6], data: counting(6) }, { kind: "flattened", maps: [1, 2, 2] });
  assert.deepEqual(foreign.shape, [6, 1]);
});

test("what is put into their order and back is what it was, bit for bit", () => {
  const orders: [TorchOrder, number[]][] = [
    [{ kind: "same" }, [5]],
    [{ kind: "oihw" }, [3, 2, 4, 5]],
    [{ kind: "linear" }, [6, 4]],
    [{ kind: "flattened", maps: [2, 3, 4] }, [24, 5]],
  ];
  for (const [order, shape] of orders) {
    const data = counting(shape.reduce((product, dim) => product * dim, 1));
    const theirs = toTorch({ shape, data }, order);
    const back = fromTorch(theirs, order);
    assert.deepEqual([back.shape, back.data], [shape, data], order.kind);
  }
  const kernel = toTorch({ shape: [1, 2, 3, 2], data: counting(12) }, { kind: "oihw" });
  assert.deepEqual(
    [kernel.shape, [...kernel.data]],
    [
      [2, 3, 1, 2],
      [0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11],
    ],
  );
});
