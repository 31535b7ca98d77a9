import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type * as tfjs from "@tensorflow/tfjs";
import type { Engine, Tf } from "../../../src/engine/engine.js";
import { checkGradient, wavy as values } from "../../support/gradient.js";
import { openTestEngine } from "../../support/tensorflow.js";

let engine: Engine;
let tf: Tf;
before(async () => {
  engine = await openTestEngine();
  tf = engine.tf;
});
after(() => engine.close());

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
  const train = (image: tfjs.Tensor, scale: tfjs.Tensor, offset: tfjs.Tensor) =>
    engine.ops.batchNormTrain(image as tfjs.Tensor4D, scale as tfjs.Tensor1D, offset as tfjs.Tensor1D, 1e-3).y;
  const fixed = tf.tensor4d(x, shape);
  checkGradient(tf, (point) => train(point, gamma, beta), { x, shape });
  checkGradient(tf, (point) => train(fixed, point, beta), { x: Float32Array.of(1.5, -0.5), shape: [2] });
  checkGradient(tf, (point) => train(fixed, gamma, point), { x: Float32Array.of(0.2, 0.1), shape: [2] });
});

test("batch normalisation of 26,912 pixels: statistics and output are off by float32's rounding alone", () => {
  const [pixels, channels] = [32 * 29 * 29, 16];
  const x = tf.add(tf.randomNormal([32, 29, 29, channels], 0, 1, "float32", 1), 0.3) as tfjs.Tensor4D;
  const { y, mean, variance } = engine.ops.batchNormTrain(x, tf.ones([channels]), tf.zeros([channels]), 1e-5);
  const [given, received, means, variances] = [x, y, mean, variance].map((each) => each.dataSync()) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  for (let channel = 0; channel < channels; channel++) {
    const mine = Float64Array.from({ length: pixels }, (_, pixel) => given[pixel * channels + channel]!);
    const average = mine.reduce((a, b) => a + b) / pixels;
    const squares = mine.reduce((a, b) => a + (b - average) ** 2, 0);
    assert.ok(Math.abs(means[channel]! - average) < 3e-7, `mean ${means[channel]}, float64 has ${average}`);
    const exact = squares / (pixels - 1);
    assert.ok(Math.abs(variances[channel]! - exact) < 6e-7, `variance ${variances[channel]}, float64 has ${exact}`);
    const scale = Math.sqrt(squares / pixels + 1e-5);
    const off = mine.map((value, pixel) => received[pixel * channels + channel]! - (value - average) / scale);
    const rms = Math.sqrt(off.reduce((sum, value) => sum + value ** 2, 0) / pixels);
    assert.ok(rms < 3e-7, `output of channel ${channel} is off by ${rms}`);
  }
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
  const hard = (point: tfjs.Tensor) =>
    engine.ops.softmaxCrossEntropy(point as tfjs.Tensor2D, tf.tensor1d(labels, "int32"));
  checkGradient(tf, hard, { x: logits, shape: [3, 4] });
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
