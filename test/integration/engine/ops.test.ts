import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine, Tf } from "../../../src/engine/engine.js";
import { openTestEngine } from "../../support/tensorflow.js";

let engine: Engine;
let tf: Tf;
before(async () => {
  engine = await openTestEngine();
  tf = engine.tf;
});
after(() => engine.close());

const values = (count: number, seed: number) =>
  Float32Array.from({ length: count }, (_, index) => Math.sin(index * 12.9898 + seed * 78.233));

/** Compares tfjs's gradient of sum(f(x) * weights) with central differences. */
function checkGradient(shape: number[], f: (x: tfjs.Tensor) => tfjs.Tensor, x: Float32Array, tolerance: number): void {
  const outputs = f(tf.tensor(x, shape));
  const weights = tf.tensor(values(outputs.size, 9), outputs.shape);
  const objective = (point: tfjs.Tensor) => tf.sum(tf.mul(f(point), weights)) as tfjs.Scalar;
  const gradient = tf.grad(objective)(tf.tensor(x, shape)).dataSync();
  const h = 1e-2;
  for (const at of [0, Math.floor(x.length / 3), x.length - 1]) {
    const moved = (delta: number) =>
      objective(
        tf.tensor(
          x.map((value, index) => (index === at ? value + delta : value)),
          shape,
        ),
      ).dataSync()[0]!;
    const numeric = (moved(h) - moved(-h)) / (2 * h);
    assert.ok(Math.abs(numeric - gradient[at]!) < tolerance, `element ${at}: ${gradient[at]} against ${numeric}`);
  }
}

test("batch normalisation: output, statistics and all three gradients", () => {
  const shape: [number, number, number, number] = [3, 2, 2, 2];
  const x = values(24, 1);
  const [gamma, beta] = [tf.tensor1d([1.5, -0.5]), tf.tensor1d([0.2, 0.1])];
  const { y, mean, variance } = engine.ops.batchNormTrain(tf.tensor4d(x, shape), gamma, beta, 1e-3);
  for (const channel of [0, 1]) {
    const mine = [...x].filter((_, index) => index % 2 === channel);
    const average = mine.reduce((a, b) => a + b) / 12;
    const squares = mine.reduce((a, b) => a + (b - average) ** 2, 0);
    assert.ok(Math.abs(mean.dataSync()[channel]! - average) < 1e-6);
    assert.ok(Math.abs(variance.dataSync()[channel]! - squares / 11) < 1e-6);
    const expected =
      ((mine[4]! - average) / Math.sqrt(squares / 12 + 1e-3)) * gamma.dataSync()[channel]! + beta.dataSync()[channel]!;
    assert.ok(Math.abs(y.dataSync()[8 + channel]! - expected) < 1e-5);
  }
  checkGradient(shape, (point) => engine.ops.batchNormTrain(point as tfjs.Tensor4D, gamma, beta, 1e-3).y, x, 2e-3);
  const fixed = tf.tensor4d(x, shape);
  checkGradient(
    [2],
    (point) => engine.ops.batchNormTrain(fixed, point as tfjs.Tensor1D, beta, 1e-3).y,
    Float32Array.of(1.5, -0.5),
    2e-3,
  );
  checkGradient(
    [2],
    (point) => engine.ops.batchNormTrain(fixed, gamma, point as tfjs.Tensor1D, 1e-3).y,
    Float32Array.of(0.2, 0.1),
    2e-3,
  );
});

test("softmax cross-entropy: class numbers and distributions agree with the formula, and their gradients with differences", () => {
  const logits = values(12, 2);
  const labels = Int32Array.of(3, 0, 2);
  const sparse = engine.ops.softmaxCrossEntropy(tf.tensor2d(logits, [3, 4]), tf.tensor1d(labels, "int32")).dataSync();
  const dense = engine.ops
    .softmaxCrossEntropy(tf.tensor2d(logits, [3, 4]), tf.oneHot(tf.tensor1d(labels, "int32"), 4).toFloat())
    .dataSync();
  labels.forEach((label, row) => {
    const mine = [...logits.slice(row * 4, row * 4 + 4)];
    const expected = Math.log(mine.reduce((sum, value) => sum + Math.exp(value), 0)) - mine[label]!;
    assert.ok(Math.abs(sparse[row]! - expected) < 1e-6);
    assert.ok(Math.abs(dense[row]! - expected) < 1e-6);
  });
  checkGradient(
    [3, 4],
    (point) => engine.ops.softmaxCrossEntropy(point as tfjs.Tensor2D, tf.tensor1d(labels, "int32")),
    logits,
    1e-3,
  );
});

test("dropout: its noise follows from the seed alone, its scale keeps the mean, its gradient is the mask", () => {
  const x = tf.ones([1000, 10]);
  const drop = (seed: number[]) => engine.ops.dropout(x, 0.4, tf.tensor1d(seed, "int32")).dataSync();
  assert.deepEqual(drop([1, 2]), drop([1, 2]));
  assert.notDeepEqual(drop([1, 2]), drop([1, 3]));
  const kept = drop([1, 2]).filter((value) => value !== 0);
  assert.ok(kept.every((value) => Math.abs(value - 1 / 0.6) < 1e-6));
  assert.ok(Math.abs(kept.length / 10_000 - 0.6) < 0.02, `${kept.length} of 10000 kept`);
  const gradient = tf
    .grad((point) => tf.sum(engine.ops.dropout(point, 0.4, tf.tensor1d([1, 2], "int32"))))(x)
    .dataSync();
  assert.deepEqual(gradient, drop([1, 2]));
});

test("ReLU's gradient is zero below and at zero", () => {
  const gradient = tf.grad((x) => tf.sum(tf.relu(x)))(tf.tensor1d([-1, 0, 2]));
  assert.deepEqual([...gradient.dataSync()], [0, 0, 1]);
});
