import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { averageViews, logProbabilities, Tally } from "../../../src/evaluation/scores.js";

const near = (actual: number, expected: number, tolerance = 1e-12) =>
  assert.ok(Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);

test("log-probabilities are those of the softmax, however large the logits", () => {
  fc.assert(
    fc.property(
      fc.array(fc.float({ min: -1000, max: 1000, noNaN: true }), { minLength: 6, maxLength: 6 }),
      (logits) => {
        const result = logProbabilities(Float32Array.from(logits), 3);
        for (const row of [0, 3]) {
          near(
            result.subarray(row, row + 3).reduce((sum, value) => sum + Math.exp(value), 0),
            1,
            1e-9,
          );
          for (const [a, b] of [
            [0, 1],
            [1, 2],
          ] as const)
            near(
              result[row + a]! - result[row + b]!,
              Math.fround(logits[row + a]!) - Math.fround(logits[row + b]!),
              1e-9,
            );
        }
      },
    ),
  );
});

test("one more class with a constant logit takes its share", () => {
  const [first, second] = logProbabilities(Float32Array.of(-1, -2), 2, -1.5);
  const sum = Math.exp(-1) + Math.exp(-2) + Math.exp(-1.5);
  near(first!, Math.log(Math.exp(-1) / sum));
  near(second!, Math.log(Math.exp(-2) / sum));
});

test("views are averaged as probabilities, also where one of them is 0", () => {
  const averaged = averageViews([
    Float64Array.of(Math.log(0.2), Number.NEGATIVE_INFINITY),
    Float64Array.of(Math.log(0.6), Number.NEGATIVE_INFINITY),
  ]);
  near(averaged[0]!, Math.log(0.4));
  assert.equal(averaged[1], Number.NEGATIVE_INFINITY);
});

test("a tally of seven classes: loss, top-1, top-5, each class, and what was taken for what", () => {
  const names = ["a", "b", "c", "d", "e", "f", "g"];
  const tally = new Tally(names);
  const rows = [
    [0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05], // a: right
    [0.4, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05], // b: second
    [0.3, 0.2, 0.1, 0.1, 0.1, 0.05, 0.15], // f: seventh
  ];
  tally.add(Float64Array.from(rows.flat(), Math.log), [0, 1, 5]);
  const scores = tally.scores();
  near(scores.loss, -(Math.log(0.4) + Math.log(0.2) + Math.log(0.05)) / 3);
  near(scores.accuracy, 1 / 3);
  near(scores.top5!, 2 / 3);
  assert.equal(scores.images, 3);
  assert.deepEqual(scores.classes[0], { name: "a", images: 1, hits: 1, accuracy: 1 });
  assert.deepEqual(scores.classes[1], { name: "b", images: 1, hits: 0, accuracy: 0 });
  assert.deepEqual(scores.classes[2], { name: "c", images: 0, hits: 0, accuracy: null });
  assert.deepEqual(
    scores.confusion.map((row) => row[0]),
    [1, 1, 0, 0, 0, 1, 0],
  );
});

test("five classes have no top-5, and of equal scores the first is taken, as argMax does", () => {
  const tally = new Tally(["a", "b", "c", "d", "e"]);
  tally.add(new Float64Array(10).fill(Math.log(0.2)), [0, 4]);
  const { top5, confusion } = tally.scores();
  assert.equal(top5, null);
  assert.deepEqual([confusion[0]![0], confusion[4]![0]], [1, 1]);
});

test("an output that is not a number is refused, not counted as wrong", () => {
  assert.throws(() => new Tally(["a", "b"]).add(Float64Array.of(Number.NaN, 0), [0]), { code: "not-finite" });
});

test("no image at all is an error, not a loss that is no number", () => {
  assert.throws(() => new Tally(["a", "b"]).scores(), { code: "no-test-images", exitCode: 2 });
});
