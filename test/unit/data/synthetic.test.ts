import assert from "node:assert/strict";
import { test } from "node:test";
import type { Dataset, Split } from "../../../src/data/dataset.js";
import { loadSynthetic, syntheticFacts } from "../../../src/data/synthetic.js";
import { UsageError } from "../../../src/errors.js";

function imageOf(data: Dataset, split: Split, index: number): Uint8Array {
  const pixels = new Uint8Array(data.shape[0] * data.shape[1] * data.shape[2]);
  split.copyImages([index], pixels);
  return pixels;
}

test("an image is a function of its index, whichever images are copied beside it", () => {
  const data = loadSynthetic({ height: 9, width: 13, channels: 2, train: 20, test: 10 });
  const size = 9 * 13 * 2;
  const together = new Uint8Array(3 * size);
  data.train.copyImages([7, 0, 19], together);
  assert.deepEqual(together.subarray(0, size), imageOf(data, data.train, 7));
  assert.deepEqual(together.subarray(2 * size), imageOf(data, data.train, 19));
  assert.notDeepEqual(imageOf(data, data.train, 7), imageOf(data, data.test, 7));
  // 4x4 patches, each of one colour, in an image whose sides four does not divide.
  const image = imageOf(data, data.train, 7);
  const at = (y: number, x: number) => image.subarray((y * 13 + x) * 2, (y * 13 + x) * 2 + 2);
  for (let y = 0; y < 9; y++)
    for (let x = 0; x < 13; x++) {
      const top = Math.ceil((Math.floor((y * 4) / 9) * 9) / 4);
      const left = Math.ceil((Math.floor((x * 4) / 13) * 13) / 4);
      assert.deepEqual(at(y, x), at(top, left), `${y}, ${x}`);
    }
});

test("one pixel, one channel, many classes: every shape works", () => {
  const data = loadSynthetic({ height: 1, width: 1, channels: 1, classes: 3, train: 5, test: 5 });
  assert.equal(imageOf(data, data.train, 0).length, 1);
  assert.ok(data.train.labels.every((label) => label >= 0 && label < 3));
});

test("options decide the data; the fingerprint follows them", () => {
  const base = { height: 8, width: 8, train: 30, test: 10 };
  const { sha256 } = loadSynthetic(base);
  assert.equal(loadSynthetic(base).sha256, sha256);
  for (const change of [{ seed: 2 }, { train: 31 }, { test: 11 }, { classes: 9 }, { height: 9 }, { channels: 1 }])
    assert.notEqual(loadSynthetic({ ...base, ...change }).sha256, sha256);
});

test("labels are balanced enough, and a linear model learns them", () => {
  const data = loadSynthetic({ height: 4, width: 4, channels: 3, classes: 4, train: 2000, test: 500 });
  const counts = [0, 0, 0, 0];
  for (const label of data.train.labels) counts[label]!++;
  assert.ok(Math.min(...counts) > 200, String(counts));
  // The perceptron of many classes (Collins 2002, section 2): adds what should have won, takes off what did.
  const weights = Array.from({ length: 4 }, () => new Float64Array(48));
  const best = (pixels: Uint8Array) => {
    const scores = weights.map((row) => row.reduce((sum, weight, cell) => sum + weight * (pixels[cell]! - 127.5), 0));
    return scores.indexOf(Math.max(...scores));
  };
  for (let pass = 0; pass < 6; pass++)
    for (let index = 0; index < data.train.count; index++) {
      const pixels = imageOf(data, data.train, index);
      const [said, right] = [best(pixels), data.train.labels[index]!];
      if (said === right) continue;
      for (let cell = 0; cell < 48; cell++) {
        weights[right]![cell]! += pixels[cell]! - 127.5;
        weights[said]![cell]! -= pixels[cell]! - 127.5;
      }
    }
  let hits = 0;
  for (let index = 0; index < data.test.count; index++)
    if (best(imageOf(data, data.test, index)) === data.test.labels[index]) hits++;
  assert.ok(hits / data.test.count > 0.85, `${hits} of ${data.test.count}`);
});

test("options that do not exist or are out of range are refused with what was received", () => {
  const refuses = (options: Record<string, string | number | boolean>, message: RegExp) =>
    assert.throws(
      () => loadSynthetic(options),
      (error: unknown) => error instanceof UsageError && message.test(error.message),
    );
  refuses({ depth: 3 }, /no option "depth"; it has height, width/);
  refuses({ classes: 1 }, /classes: expected a whole number from 2 to 100000, received 1/);
  refuses({ width: 1.5 }, /width.*received 1\.5/);
  refuses({ train: "many" }, /train.*received "many"/);
  refuses({ seed: -1 }, /seed.*from 0/);
  assert.deepEqual(syntheticFacts({ classes: 7 }).classes, 7);
});
