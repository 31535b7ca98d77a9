import assert from "node:assert/strict";
import { test } from "node:test";
import { layoutOf, type ParameterSpec } from "../../../src/parameters/layout.js";
import { assertBucketsFit, assertValuesFit } from "../../../src/protocol/payload-size.js";

const parameter = (name: string, shape: number[], role: ParameterSpec["role"] = "trainable"): ParameterSpec => ({
  name,
  shape,
  role,
  init: { kind: "zeros" },
  decay: true,
});

/** The second bucket holds both dense parameters, 4 + 96 bytes. */
const LAYOUT = layoutOf(
  [
    parameter("dense/bias", [1]),
    parameter("dense/kernel", [4, 6]),
    parameter("out/kernel", [5]),
    parameter("bn/mean", [7], "state"),
  ],
  16,
);

test("a bucket that no frame can hold is refused, with its largest parameter, its size and the limit", () => {
  assert.doesNotThrow(() => assertBucketsFit(LAYOUT, 96));
  assert.throws(() => assertBucketsFit(LAYOUT, 95), {
    code: "parameter-size",
    exitCode: 2,
    message:
      "the parameter dense/kernel [4, 6] of 96 bytes is too large: 96 bytes would travel between the processes at once, 95 can. Use smaller images, or fewer units in its largest layer.",
  });
});

test("small parameters that share a bucket with a large one count too", () => {
  const together = layoutOf([parameter("kernel", [24]), parameter("bias", [1])], 16);
  assert.equal(together.buckets.length, 1);
  assert.throws(() => assertBucketsFit(together, 98), /kernel \[24\] of 96 bytes is too large: 100 bytes would travel/);
});

test("the state travels as one frame as well", () => {
  const state = layoutOf([
    parameter("kernel", [2]),
    parameter("mean", [3], "state"),
    parameter("variance", [4], "state"),
  ]);
  assert.throws(() => assertBucketsFit(state, 27), /variance \[4\] of 16 bytes is too large: 28 bytes would travel/);
});

test("a user model's values come in one frame", () => {
  const bytes = (LAYOUT.size + LAYOUT.stateSize) * 4;
  assert.doesNotThrow(() => assertValuesFit("/my/model.js", LAYOUT, bytes));
  assert.throws(() => assertValuesFit("/my/model.js", LAYOUT, bytes - 1), {
    code: "parameter-size",
    message: `the model /my/model.js is too large: ${bytes} bytes would travel between the processes at once, ${bytes - 1} can. Use smaller images, or fewer units in its largest layer.`,
  });
});
