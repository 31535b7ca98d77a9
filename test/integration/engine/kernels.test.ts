import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine, Tf } from "../../../src/engine/engine.js";
import { checkGradient, wavy } from "../../support/gradient.js";
import { openTestEngine } from "../../support/tensorflow.js";

let engine: Engine;
let tf: Tf;
before(async () => {
  engine = await openTestEngine();
  tf = engine.tf;
});
after(() => engine.close());

const sizeOf = (shape: readonly number[]) => shape.reduce((product, dim) => product * dim, 1);
const tensor = (shape: number[], seed: number) => tf.tensor(wavy(sizeOf(shape), seed), shape);
function near(received: tfjs.Tensor, shape: number[], expected: (at: number) => number): void {
  assert.deepEqual(received.shape, shape);
  for (const [at, value] of (received.dataSync() as Float32Array).entries())
    assert.ok(Math.abs(value - expected(at)) < 1e-5, `${at}: ${value}, not ${expected(at)}`);
}

test("additions that look like a bias, and others, give sums and their gradients", () => {
  for (const [a, b] of [
    [[2, 3], [3]],
    [[2, 2, 3], [3]],
    [[2, 2, 2, 3], [3]],
    [[2, 1], [3]],
    [[3], [2, 3]],
    [[3], [3]],
    [[2, 3], []],
  ] as [number[], number[]][]) {
    const [left, right] = [tensor(a, 1), tensor(b, 2)];
    const [x, y] = [left.dataSync(), right.dataSync()];
    const shape = tf.backend_util.assertAndGetBroadcastShape(a, b);
    const channels = shape.at(-1)!;
    near(tf.add(left, right), shape, (at) => {
      const one = (values: ArrayLike<number>, dims: number[]) =>
        values[dims.at(-1) === 1 ? Math.floor(at / channels) : at % values.length]!;
      return one(x, a) + one(y, b);
    });
    checkGradient(tf, (point) => tf.add(point, right), { x: wavy(sizeOf(a), 1), shape: a });
    checkGradient(tf, (point) => tf.add(left, point), { x: wavy(sizeOf(b), 2), shape: b });
  }
  assert.deepEqual([...tf.add(tf.tensor2d([1, 2], [1, 2], "int32"), tf.tensor1d([3, 4], "int32")).dataSync()], [4, 6]);
});

test("sums over all axes but the last, and over others, are sums", () => {
  const shape = [2, 3, 4];
  const x = tensor(shape, 3);
  const values = x.dataSync<"float32">();
  const total = (keep: (at: number) => boolean) => values.reduce((sum, value, at) => (keep(at) ? sum + value : sum), 0);
  for (const axes of [
    [0, 1],
    [1, 0],
    [-2, -3],
  ])
    near(tf.sum(x, axes), [4], (channel) => total((at) => at % 4 === channel));
  near(tf.sum(x, [0, 1], true), [1, 1, 4], (channel) => total((at) => at % 4 === channel));
  near(tf.sum(x, [1, 2]), [2], (row) => total((at) => Math.floor(at / 12) === row));
  near(tf.sum(x), [], () => total(() => true));
  assert.deepEqual([...tf.sum(tf.tensor2d([1, 2, 3, 4], [2, 2], "int32"), 0).dataSync()], [4, 6]);
});

test("products of matrices, of batches of one and of more, transposed or not, and their gradients", () => {
  for (const [a, b, transposeA, transposeB] of [
    [[2, 3], [3, 4], false, false],
    [[3, 2], [3, 4], true, false],
    [[2, 3], [4, 3], false, true],
    [[1, 2, 3], [1, 3, 4], false, false],
    [[1, 3, 2], [1, 4, 3], true, true],
    [[2, 2, 3], [2, 3, 4], false, false],
  ] as [number[], number[], boolean, boolean][]) {
    const [left, right] = [tensor(a, 4), tensor(b, 5)];
    const [x, y] = [left.dataSync(), right.dataSync()];
    const product = tf.matMul(left, right, transposeA, transposeB);
    near(product, [...a.slice(0, -2), 2, 4], (at) => {
      const [batch, row, column] = [Math.floor(at / 8), Math.floor((at % 8) / 4), at % 4];
      let sum = 0;
      for (let k = 0; k < 3; k++)
        sum +=
          x[batch * 6 + (transposeA ? k * 2 + row : row * 3 + k)]! *
          y[batch * 12 + (transposeB ? column * 3 + k : k * 4 + column)]!;
      return sum;
    });
    const times = (l: tfjs.Tensor, r: tfjs.Tensor) => tf.matMul(l, r, transposeA, transposeB);
    checkGradient(tf, (point) => times(point, right), { x: wavy(sizeOf(a), 4), shape: a });
    checkGradient(tf, (point) => times(left, point), { x: wavy(sizeOf(b), 5), shape: b });
  }
});

test("a convolution with strides and a window of one pixel has the gradients of differences", () => {
  const [x, kernel] = [wavy(2 * 5 * 4 * 3, 6), wavy(3 * 2, 7)];
  for (const padding of ["same", "valid"] as const) {
    const convolved = (images: tfjs.Tensor, weights: tfjs.Tensor) =>
      tf.conv2d(images as tfjs.Tensor4D, weights as tfjs.Tensor4D, 2, padding);
    const [images, weights] = [tf.tensor(x, [2, 5, 4, 3]), tf.tensor(kernel, [1, 1, 3, 2])];
    checkGradient(tf, (point) => convolved(point, weights), { x, shape: [2, 5, 4, 3] });
    checkGradient(tf, (point) => convolved(images, point), { x: kernel, shape: [1, 1, 3, 2] });
  }
});

test("weight gradients of small images with many channels are the same in bf16, up to its rounding", async () => {
  const bf16 = await openTestEngine({ precision: "bf16" });
  for (const [side, strides, pad] of [
    [4, 1, "same"],
    [5, 2, "same"],
    [7, 2, "valid"],
    [6, 2, "same"],
  ] as const) {
    const [shape, filter] = [
      [3, side, side, 64],
      [3, 3, 64, 96],
    ] as [number[], number[]];
    const pixels = wavy(sizeOf(shape), 6);
    const gradientBy = async ({ trace }: Engine) => {
      const kernel = tf.variable(tf.tensor(wavy(sizeOf(filter), 7), filter));
      const weights = engine.allocate(kernel.size);
      weights.set(kernel.dataSync());
      const step = trace({
        name: "weight gradient",
        inputs: [{ dtype: "float32", shape }],
        variables: [{ size: kernel.size, slots: [{ variable: kernel, offset: 0, shape: filter }] }],
        assigned: [],
        body: ([x]) => {
          const weighted = () => {
            const maps = tf.conv2d(tf.relu(x as tfjs.Tensor4D), kernel as tfjs.Tensor4D, strides, pad);
            return tf.sum(tf.mul(maps, tensor(maps.shape, 8))) as tfjs.Scalar;
          };
          const { grads } = tf.variableGrads(weighted, [kernel]);
          return { streams: [], outputs: [grads[kernel.name]!] };
        },
      });
      const { outputs } = await step.run({ inputs: [pixels], variables: [weights], onStream: () => {} });
      step.dispose();
      kernel.dispose();
      return outputs[0]!;
    };
    const [full, half] = [await gradientBy(engine), await gradientBy(bf16)];
    const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
    const apart = norm(full.map((value, at) => value - half[at]!)) / norm(full);
    assert.ok(apart < 0.01, `${side}, ${strides}, ${pad}: ${apart} apart`);
  }
});
