import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Dataset } from "../../../src/data/dataset.js";
import { pixelStatistics, principalComponents } from "../../../src/data/statistics.js";
import { loadSynthetic } from "../../../src/data/synthetic.js";

function near(received: readonly number[], expected: readonly number[], tolerance: number): void {
  assert.equal(received.length, expected.length);
  received.forEach((value, at) => {
    assert.ok(Math.abs(value - expected[at]!) <= tolerance, `${received} is not near ${expected}`);
  });
}

test("mean and deviation of each channel over pixels in [0, 1]", async () => {
  const data = loadSynthetic({ height: 3, width: 5, channels: 2, classes: 2, train: 70, test: 1 });
  const pixels = new Uint8Array(70 * 30);
  await data.train.copyImages(
    Array.from({ length: 70 }, (_, index) => index),
    pixels,
  );
  const { mean, deviation, principal } = await pixelStatistics(data);
  const channels = [0, 1].map((channel) => [...pixels].filter((_, at) => at % 2 === channel).map((each) => each / 255));
  const means = channels.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length);
  near(mean, means, 1e-12);
  near(
    deviation,
    channels.map((values, at) =>
      Math.sqrt(values.reduce((sum, value) => sum + (value - means[at]!) ** 2, 0) / values.length),
    ),
    1e-12,
  );
  assert.equal(principal, null);
});

test("a plain channel is not divided by nothing; constants that a data set brings are taken as they are", async () => {
  const data = loadSynthetic({ height: 2, width: 2, channels: 1, classes: 2, train: 3, test: 1 });
  const plain: Dataset = { ...data, train: { ...data.train, copyImages: (_, pixels) => void pixels.fill(51) } };
  assert.deepEqual(await pixelStatistics(plain), { mean: [0.2], deviation: [1], principal: null });
  const statistics = { mean: [0.5], deviation: [0.25], principal: null };
  assert.equal(await pixelStatistics({ ...data, statistics }), statistics);
});

test("of very many images a fixed sample is read", async () => {
  const data = loadSynthetic({ height: 2, width: 2, channels: 3, classes: 2, train: 4, test: 1 });
  const seen: number[] = [];
  const many: Dataset = {
    ...data,
    train: {
      count: 100_000,
      labels: new Int32Array(100_000),
      copyImages(indices, pixels) {
        for (let at = 0; at < indices.length; at++) {
          seen.push(indices[at]!);
          pixels.fill(indices[at]! % 256, at * 12, (at + 1) * 12);
        }
      },
    },
  };
  const first = await pixelStatistics(many);
  assert.equal(new Set(seen).size, 60_000);
  near(first.mean, [0.5, 0.5, 0.5], 0.01);
  assert.deepEqual(await pixelStatistics(many), first);
  assert.deepEqual(seen.slice(0, 60_000), seen.slice(60_000));
});

test("principal components: orthogonal, sorted, and together the matrix again", () => {
  const entry = fc.double({ min: -1, max: 1, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(entry, entry, entry), { minLength: 3, maxLength: 9 }), (samples) => {
      const matrix = [0, 1, 2].map((a) =>
        [0, 1, 2].map((b) => samples.reduce((sum, row) => sum + row[a]! * row[b]!, 0)),
      );
      const { values, vectors } = principalComponents(matrix)!;
      assert.ok(values[0] >= values[1] && values[1] >= values[2] && values[2] >= 0);
      for (const a of [0, 1, 2])
        for (const b of [0, 1, 2]) {
          const dot = vectors[a]!.reduce((sum, value, at) => sum + value * vectors[b]![at]!, 0);
          near([dot], [a === b ? 1 : 0], 1e-12);
          const again = [0, 1, 2].reduce((sum, at) => sum + values[at]! * vectors[at]![a]! * vectors[at]![b]!, 0);
          near([again], [matrix[a]![b]!], 1e-11);
        }
    }),
  );
});
