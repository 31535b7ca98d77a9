import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedFile } from "../../../src/exchange/mapping.js";
import { placesOf } from "../../../src/exchange/places.js";
import { Reducer, segmentsOf, stretchesOf } from "../../../src/exchange/reducer.js";
import { average, averageShares } from "../../../src/optim/average.js";
import { sumOfSquares } from "../../../src/optim/clipping.js";
import type { OptimizerConfig, OptimizerName, Span } from "../../../src/optim/optimizer.js";
import { createOptimizer } from "../../../src/optim/optimizers.js";
import { layoutOf } from "../../../src/parameters/layout.js";
import { ADD } from "../../../src/parameters/tree.js";

const NAMES: readonly OptimizerName[] = ["sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop"];
const CONFIG = { momentum: 0.9, weightDecay: 5e-4, beta1: 0.9, beta2: 0.999, rho: 0.95, epsilon: 1e-8 };

/** Three buckets: of one element, of several blocks and an odd rest, of two parameters. */
const LAYOUT = layoutOf(
  [
    { name: "c/kernel", shape: [3, 5], role: "trainable", init: { kind: "zeros" }, decay: true },
    { name: "c/bias", shape: [7], role: "trainable", init: { kind: "zeros" }, decay: false },
    { name: "b", shape: [2501], role: "trainable", init: { kind: "zeros" }, decay: true },
    // A range that begins between two vectors of four, and ends in another block than it begins.
    { name: "d/bias", shape: [1017], role: "trainable", init: { kind: "zeros" }, decay: false },
    { name: "d/kernel", shape: [1021], role: "trainable", init: { kind: "zeros" }, decay: true },
    { name: "a", shape: [1], role: "trainable", init: { kind: "zeros" }, decay: true },
  ],
  64,
);

function setUp(name: OptimizerName, shards: number, undecayed: readonly Span[] = [], ema: number | null = null) {
  const config: OptimizerConfig = { ...CONFIG, name };
  const reference = createOptimizer(config, undecayed);
  const places = placesOf(LAYOUT, {
    shards,
    block: 1,
    ema: ema !== null,
    compressed: false,
    slotNames: reference.slotNames,
  });
  const file = SharedFile.create();
  file.allocate(places.bytes);
  const whole = file.view();
  const view = (offset: number) => new Float32Array(whole, offset, LAYOUT.size);
  const halves = [0, 1].map((half) => ({
    weights: view(places.weights[half as 0 | 1]),
    slots: Object.fromEntries(reference.slotNames.map((slot) => [slot, view(places.slots[slot]![half as 0 | 1])])),
  }));
  const gradients = places.gradients.map(view);
  const reducer = new Reducer(file, LAYOUT, places, { optimizer: config, undecayed, ema });
  const averages = places.ema?.weights.map(view);
  return { reference, halves, gradients, averages, reducer };
}

/** Signed, of many sizes, zeros of both signs among them. */
function fill(vector: Float32Array, seed: number, positive = false): void {
  for (const { offset, size } of LAYOUT.buckets)
    for (let index = offset; index < offset + size; index++) {
      const value = Math.sin(index * 12.9898 + seed * 78.233) * 10 ** (((index + seed) % 9) - 6);
      vector[index] = index % 11 === 0 ? (index % 2 === 0 ? 0 : -0) : positive ? Math.abs(value) : value;
    }
}

for (const name of NAMES)
  for (const [shards, program, sum] of [
    [1, [0], ([a]: number[]) => a!],
    [2, [0, 1, ADD], ([a, b]: number[]) => Math.fround(a! + b!)],
    [
      5,
      [0, 1, ADD, 2, 3, ADD, ADD, 4, ADD],
      ([a, b, c, d, e]: number[]) => {
        const [left, right] = [Math.fround(a! + b!), Math.fround(c! + d!)];
        return Math.fround(Math.fround(left + right) + e!);
      },
    ],
  ] as const)
    test(`${name}, ${shards} shards: the bits of the scalar definition`, () => {
      const { reference, halves, gradients, reducer } = setUp(name, shards);
      const [from, to] = [halves[0]!, halves[1]!];
      fill(from.weights, 1);
      reference.slotNames.forEach((slot, index) => fill(from.slots[slot]!, 2 + index, true));
      gradients.forEach((gradient, index) => fill(gradient, 10 + index));
      const expected = {
        weights: new Float32Array(LAYOUT.size),
        slots: Object.fromEntries(reference.slotNames.map((slot) => [slot, new Float32Array(LAYOUT.size)])),
      };
      const at = { lr: 0.01, step: 3, scale: 0.7 };
      // Last bucket first: no update may reach into another's elements.
      for (const bucket of LAYOUT.buckets.toReversed()) {
        const { offset, size } = bucket;
        const added = Float32Array.from({ length: size }, (_, index) =>
          sum(gradients.map((gradient) => gradient[offset + index]!)),
        );
        assert.equal(reducer.sumOfSquares(bucket, program), sumOfSquares(added));
        assert.equal(reducer.update(bucket, program, at), sumOfSquares(added));
        const update = {
          from,
          to: expected,
          gradients: added,
          gradientOffset: offset,
          start: offset,
          end: offset + size,
        };
        reference.apply({ ...update, ...at });
      }
      for (const { offset, size } of LAYOUT.buckets) {
        const bits = (vector: Float32Array) => [...new Uint32Array(vector.slice(offset, offset + size).buffer)];
        assert.deepEqual(bits(to.weights), bits(expected.weights));
        for (const slot of reference.slotNames) assert.deepEqual(bits(to.slots[slot]!), bits(expected.slots[slot]!));
      }
    });

for (const [name, program] of [
  ["sgd", [0]],
  ["sgd", [0, 1, ADD]],
  ["adamw", [0]],
  ["adamw", [0, 1, ADD]],
] as const)
  test(`${name}: weight decay passes over parameters, whole, with ${program.length === 1 ? 1 : 2} shards`, () => {
    const undecayed = LAYOUT.trainable.filter(({ decay }) => !decay);
    const { reference, halves, gradients, reducer } = setUp(name, 2, undecayed);
    const added = (at: number) =>
      program.length === 1 ? gradients[0]![at]! : Math.fround(gradients[0]![at]! + gradients[1]![at]!);
    const [from, to] = [halves[0]!, halves[1]!];
    fill(from.weights, 1);
    fill(gradients[0]!, 2);
    fill(gradients[1]!, 3);
    const expected = {
      weights: new Float32Array(LAYOUT.size),
      slots: Object.fromEntries(reference.slotNames.map((slot) => [slot, new Float32Array(LAYOUT.size)])),
    };
    const at = { lr: 0.01, step: 1, scale: 1 };
    const sum = Float32Array.from({ length: LAYOUT.size }, (_, index) => added(index));
    for (const bucket of LAYOUT.buckets) {
      const { offset, size } = bucket;
      reducer.update(bucket, program, at);
      const span = { gradients: sum, gradientOffset: 0, start: offset, end: offset + size };
      reference.apply({ from, to: expected, ...span, ...at });
    }
    const plain = setUp(name, 2);
    fill(plain.halves[0]!.weights, 1);
    fill(plain.gradients[0]!, 2);
    fill(plain.gradients[1]!, 3);
    for (const bucket of LAYOUT.buckets) plain.reducer.update(bucket, program, at);
    for (const { name: parameter, offset, size, decay } of LAYOUT.trainable) {
      const part = (vector: Float32Array) => [...vector.subarray(offset, offset + size)];
      assert.deepEqual(part(to.weights), part(expected.weights));
      const same = part(to.weights).every((value, index) => value === part(plain.halves[1]!.weights)[index]);
      assert.equal(same, decay, `${parameter} decays as it should`);
    }
  });

for (const name of NAMES)
  for (const step of [1, 3])
    test(`${name}, step ${step}: the average has the bits of its scalar definition, and changes nothing else`, () => {
      const undecayed = LAYOUT.trainable.filter(({ decay }) => !decay);
      const [averaging, plain] = [setUp(name, 2, undecayed, 0.97), setUp(name, 2, undecayed)];
      for (const { reference, halves, gradients } of [averaging, plain]) {
        fill(halves[0]!.weights, 1);
        reference.slotNames.forEach((slot, index) => fill(halves[0]!.slots[slot]!, 2 + index, true));
        gradients.forEach((gradient, index) => fill(gradient, 10 + index));
      }
      const [from, to] = averaging.averages!;
      fill(from!, 20);
      for (const { reducer } of [averaging, plain])
        for (const bucket of LAYOUT.buckets.toReversed())
          reducer.update(bucket, [0, 1, ADD], { lr: 0.01, step, scale: 0.7 });
      const expected = new Float32Array(LAYOUT.size);
      average(from!, averaging.halves[1]!.weights, expected, averageShares(0.97, step));
      for (const { offset, size } of LAYOUT.buckets) {
        const bits = (vector: Float32Array) => [...new Uint32Array(vector.slice(offset, offset + size).buffer)];
        assert.deepEqual(bits(to!), bits(expected));
        assert.deepEqual(bits(averaging.halves[1]!.weights), bits(plain.halves[1]!.weights));
        for (const slot of averaging.reference.slotNames)
          assert.deepEqual(bits(averaging.halves[1]!.slots[slot]!), bits(plain.halves[1]!.slots[slot]!));
      }
    });

test("a gradient that is not finite gives a sum that is not, wherever it stands", () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
    for (const bucket of LAYOUT.buckets)
      for (const index of [0, bucket.size - 1]) {
        const { reducer, gradients } = setUp("sgd", 2);
        gradients[1]![bucket.offset + index] = bad;
        assert.equal(Number.isFinite(reducer.sumOfSquares(bucket, [0, 1, ADD])), false);
      }
});

test("a network that is too large for one memory is spread over several, at the ends of segments", () => {
  const bucket = (offset: number, size: number) => ({ index: 0, offset, size, slots: [] });
  const layout = { buckets: [bucket(0, 2 ** 25 + 2), bucket(2 ** 25 + 16, 100)] };
  assert.deepEqual(segmentsOf(layout.buckets[0]!), [
    { start: 0, end: 2 ** 24 },
    { start: 2 ** 24, end: 2 ** 25 },
    { start: 2 ** 25, end: 2 ** 25 + 4 },
  ]);
  const vectors = 10;
  assert.deepEqual(stretchesOf(layout, vectors, vectors * (2 ** 26 + 4096) + 2 ** 20 - 1), [
    { start: 0, end: 2 ** 24 },
    { start: 2 ** 24, end: 2 ** 25 },
    { start: 2 ** 25, end: 2 ** 25 + 116 },
  ]);
  assert.deepEqual(stretchesOf(layout, vectors, 2 ** 32), [{ start: 0, end: 2 ** 25 + 116 }]);
});
