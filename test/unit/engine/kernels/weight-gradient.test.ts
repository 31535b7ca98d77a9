import assert from "node:assert/strict";
import { test } from "node:test";
import { asConvolution } from "../../../../src/engine/kernels/weight-gradient.js";
import { tf } from "../../../../src/engine/native/backend.js";

type Given = Parameters<typeof asConvolution>[2];
const planOf = (side: number, filterShape: Given["filterShape"], rest: Partial<Given> = {}) =>
  asConvolution(tf, [32, side, side, filterShape[2]], { filterShape, strides: 1, pad: "same", ...rest });

test("its output is as large as the filter, whatever padding and stride of the forward pass", () => {
  for (const side of [2, 4, 7, 8, 13, 15, 17])
    for (const size of [2, 3, 5])
      for (const strides of [1, 2, 3])
        for (const pad of ["same", "valid", 1] as const) {
          if (pad === "valid" && side < size) continue;
          const info = tf.backend_util.computeConv2DInfo([1, side, side, 64], [size, size, 64, 64], strides, 1, pad);
          const plan = planOf(side, [size, size, 64, 64], { strides, pad });
          if (plan === null) continue;
          const kernel = (info.outHeight - 1) * plan.dilations[0] + 1;
          const [top, below] = plan.pad[1];
          assert.equal(top, info.padInfo.top);
          assert.equal(side + top + below - kernel + 1, size, `${side} ${size} ${strides} ${pad}`);
        }
  assert.deepEqual(planOf(8, [3, 3, 64, 64])?.pad, [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ]);
});

test("few channels, large images, single pixels and windows that pass over the edge are left to oneDNN", () => {
  assert.notEqual(planOf(8, [3, 3, 64, 64]), null);
  assert.equal(planOf(9, [3, 3, 64, 64]), null);
  assert.notEqual(planOf(17, [3, 3, 64, 128], { strides: 2, pad: "valid" }), null);
  assert.equal(planOf(8, [3, 3, 63, 64]), null);
  assert.equal(planOf(8, [3, 3, 64, 63]), null);
  assert.equal(planOf(8, [1, 1, 64, 64]), null);
  assert.equal(planOf(8, [3, 3, 64, 64], { strides: 2, pad: "valid" }), null, "the eighth row is in no window");
});
