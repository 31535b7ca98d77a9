import assert from "node:assert/strict";
import { test } from "node:test";
import { evenly, judge, LOOKED } from "../../../src/evaluation/judge.js";

/** Images of one pixel, whose value says what the network takes them for, and how surely. */
const split = (labels: number[], values: number[]) => ({
  count: labels.length,
  labels: Int32Array.from(labels),
  copyImages(indices: ArrayLike<number>, pixels: Uint8Array) {
    for (let at = 0; at < indices.length; at++) pixels[at] = values[indices[at]!]!;
  },
});
const classify = async (pixels: Uint8Array) =>
  Float64Array.from({ length: 2 * pixels.length }, (_, at) => {
    const second = pixels[at >> 1]! / 256;
    return Math.log(at % 2 === 0 ? 1 - second : second);
  });
const shape = [1, 1, 1] as const;
const source = (labels: number[], values: number[]) => ({
  split: split(labels, values),
  shape,
  pipeline: { shape, apply: null },
});
const all = (count: number) => Array.from({ length: count }, (_, at) => at);

test("numbers that are evenly spaced begin and end as far from the ends", () => {
  assert.deepEqual(evenly(3, 9), [0, 1, 2]);
  assert.deepEqual(evenly(100, 4), [12, 37, 62, 87]);
  assert.equal(new Set(evenly(10_000, 1000)).size, 1000);
});

test("mistakes come by their probability, and right images are none", async () => {
  const result = await judge(classify, source([0, 0, 1, 0, 1], [200, 250, 20, 10, 250]), ["a", "b"], {
    indices: all(5),
  });
  assert.deepEqual(result.confusion, [
    [1, 2],
    [1, 1],
  ]);
  assert.equal(result.wrong, 3);
  assert.equal(result.samples.length, 5);
  assert.deepEqual(
    result.mistakes.map(({ pixels, label, guesses }) => [pixels[0], label, guesses[0]!.label]),
    [
      [250, 0, 1],
      [20, 1, 0],
      [200, 0, 1],
    ],
  );
});

test("of many images, over more than one chunk, the surest mistakes are kept and samples are spread", async () => {
  const count = 1000;
  const values = all(count).map((at) => 129 + ((at * 37) % 127));
  const { mistakes, samples, images } = await judge(
    classify,
    source(
      all(count).map(() => 0),
      values,
    ),
    ["a", "b"],
    { indices: all(count) },
  );
  assert.equal(images, count);
  assert.equal(mistakes.length, LOOKED);
  const sorted = values.toSorted((a, b) => b - a).slice(0, LOOKED);
  assert.deepEqual(
    mistakes.map(({ pixels }) => pixels[0]),
    sorted,
  );
  assert.deepEqual(
    samples.map(({ pixels }) => pixels[0]),
    evenly(count, LOOKED).map((at) => values[at]),
  );
});
