import assert from "node:assert/strict";
import { test } from "node:test";
import { type Augmentation, augmentationSchema } from "../../../../src/config/augmentation.js";
import type { PixelStatistics } from "../../../../src/config/pixel-statistics.js";
import { openPipeline } from "../../../../src/data/augment/pipeline.js";
import type { Form } from "../../../../src/data/augment/step.js";
import { UsageError } from "../../../../src/errors.js";
import type { ImageShape } from "../../../../src/models/spec.js";

const parse = (steps: readonly object[]): Augmentation => augmentationSchema.parse(steps);
const numbered = (shape: ImageShape) =>
  Uint8Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, index) => index + 1);

/** One image through the steps: `sample` chooses what is drawn. */
function through(
  steps: readonly object[],
  shape: ImageShape,
  {
    form = "training" as Form,
    sample = 0,
    image = numbered(shape),
    principal = null as PixelStatistics["principal"],
  } = {},
) {
  const pipeline = openPipeline({ augmentation: parse(steps), shape, form, seed: 5, principal });
  const to = new Uint8Array(pipeline.shape[0] * pipeline.shape[1] * pipeline.shape[2]).fill(77);
  if (pipeline.apply) pipeline.apply(image, to, 3, sample);
  else to.set(image);
  return { shape: pipeline.shape, pixels: [...to] };
}

/** What comes out over many samples, as text, without repetitions. */
const outcomes = (steps: readonly object[], shape: ImageShape, samples = 400) =>
  new Set(Array.from({ length: samples }, (_, sample) => through(steps, shape, { sample }).pixels.join()));

test("padAndCrop: every place of the padded image, black outside, and nothing in evaluation", () => {
  const steps = [{ step: "padAndCrop", padding: 1 }];
  const padded = [
    [0, 0, 0, 0],
    [0, 1, 2, 0],
    [0, 3, 4, 0],
    [0, 0, 0, 0],
  ];
  const expected = [0, 1, 2].flatMap((top) =>
    [0, 1, 2].map((left) => [0, 1].flatMap((row) => padded[top + row]!.slice(left, left + 2)).join()),
  );
  assert.deepEqual([...outcomes(steps, [2, 2, 1])].sort(), expected.sort());
  assert.deepEqual(through(steps, [2, 2, 1], { form: "evaluation" }).pixels, [1, 2, 3, 4]);
});

test("randomCrop: every place in training, the centre in evaluation, all of it where crops are taken later", () => {
  const steps = [{ step: "randomCrop", size: 2 }];
  const expected = ["1,2,4,5", "2,3,5,6", "4,5,7,8", "5,6,8,9"];
  assert.deepEqual([...outcomes(steps, [3, 3, 1])].sort(), expected);
  const centre = through(steps, [4, 5, 1], { form: "evaluation" });
  assert.deepEqual(centre, { shape: [2, 2, 1], pixels: [7, 8, 12, 13] });
  assert.deepEqual(through(steps, [4, 5, 1], { form: "whole" }).shape, [4, 5, 1]);
  assert.throws(
    () => through([{ step: "randomCrop", size: 5 }], [4, 5, 1]),
    (error: unknown) => error instanceof UsageError && /at least 5x5, received 4x5/.test(error.message),
  );
});

test("horizontalFlip: half of the images, whole pixels, never in evaluation", () => {
  const steps = [{ step: "horizontalFlip" }];
  const [kept, mirrored] = ["1,2,3,4,5,6,7,8,9,10,11,12", "4,5,6,1,2,3,10,11,12,7,8,9"];
  const all = Array.from({ length: 400 }, (_, sample) => through(steps, [2, 2, 3], { sample }).pixels.join());
  assert.deepEqual(new Set(all), new Set([kept, mirrored]));
  const share = all.filter((each) => each === mirrored).length / all.length;
  assert.ok(share > 0.4 && share < 0.6, `${share} of them were mirrored`);
  assert.equal(through(steps, [2, 2, 3], { form: "evaluation" }).pixels.join(), kept);
});

test("randomResizedCrop: parts between the least and the greatest area and ratio, resized to a square", () => {
  const size = 4;
  // A ramp of columns tells from the result which part was seen: its mean is the centre, its slope the width.
  const shape: ImageShape = [64, 64, 1];
  const image = Uint8Array.from({ length: 64 * 64 }, (_, at) => 2 * (at % 64));
  const steps = [{ step: "randomResizedCrop", size, scale: [0.25, 1], ratio: [1, 1] }];
  const widths = Array.from({ length: 300 }, (_, sample) => {
    const { pixels } = through(steps, shape, { sample, image });
    return ((pixels[2]! - pixels[1]!) * size) / 2;
  });
  const [least, most] = [Math.min(...widths), Math.max(...widths)];
  assert.ok(least >= 30 && least < 37, `the narrowest part is ${least}`);
  assert.ok(most <= 66 && most > 58, `the widest part is ${most}`);
  const whole = through([{ step: "randomResizedCrop", size: 64, scale: [1, 1], ratio: [1, 1] }], shape, { image });
  assert.deepEqual(whole.pixels, [...image]);
});

test("randomResizedCrop in evaluation: the short side at 256 / 224 of the size, then the centre", () => {
  const steps = [{ step: "randomResizedCrop", size: 7 }];
  const image = Uint8Array.from({ length: 8 * 12 }, (_, at) => at);
  const centre = [0, 1, 2, 3, 4, 5, 6].flatMap((row) => [2, 3, 4, 5, 6, 7, 8].map((column) => row * 12 + column));
  assert.deepEqual(through(steps, [8, 12, 1], { form: "evaluation", image }), { shape: [7, 7, 1], pixels: centre });
  assert.deepEqual(through(steps, [8, 12, 1], { form: "whole", image }).shape, [8, 12, 1]);
  assert.deepEqual(through(steps, [16, 24, 1], { form: "whole" }).shape, [8, 12, 1]);
});

test("randomResizedCrop of a ratio that never fits takes the largest part that comes near", () => {
  const steps = [{ step: "randomResizedCrop", size: 2, scale: [1, 1], ratio: [4, 4] }];
  const image = Uint8Array.of(0, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0);
  assert.deepEqual(through(steps, [4, 4, 1], { image }).pixels, [9, 9, 9, 9]);
});

test("resizeWithPad: the whole image, black around it, in training and evaluation alike", () => {
  const steps = [{ step: "resizeWithPad", size: 4 }];
  const expected = [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0];
  for (const form of ["training", "evaluation", "whole"] as const)
    assert.deepEqual(through(steps, [2, 4, 1], { form }), { shape: [4, 4, 1], pixels: expected });
});

test("colorNoise: one shift of all pixels along the components, cut at black and white; none in evaluation", () => {
  const principal: NonNullable<PixelStatistics["principal"]> = {
    values: [0.25, 0, 0], // a deviation of a half
    vectors: [
      [1, -1, 0],
      [0, 0, 1],
      [0, 1, 0],
    ],
  };
  const steps = [{ step: "colorNoise", stddev: 0.4 }];
  const image = Uint8Array.of(100, 100, 100, 10, 250, 7);
  const shifts = Array.from({ length: 400 }, (_, sample) => {
    const { pixels } = through(steps, [1, 2, 3], { sample, image, principal });
    const shift = pixels[0]! - 100;
    if (Math.abs(shift) < 100) assert.equal(pixels[1], 100 - shift);
    assert.deepEqual([pixels[2], pixels[5]], [100, 7]);
    const clamped = (value: number) => Math.max(0, Math.min(255, value));
    if (shift > -100 && shift < 155)
      assert.deepEqual([pixels[3], pixels[4]], [clamped(10 + shift), clamped(250 - shift)]);
    return shift;
  });
  const deviation = Math.sqrt(shifts.reduce((sum, shift) => sum + shift ** 2, 0) / shifts.length);
  assert.ok(Math.abs(deviation / (255 * 0.4 * 0.5) - 1) < 0.12, `deviation ${deviation}`);
  assert.deepEqual(through(steps, [1, 2, 3], { form: "evaluation", image, principal }).pixels, [...image]);
  assert.throws(() => through(steps, [2, 2, 1]), /colorNoise needs images of 3 channels, received 1/);
});

test("steps follow each other; each draws by itself", () => {
  const steps = [{ step: "randomCrop", size: 3 }, { step: "horizontalFlip" }, { step: "resizeWithPad", size: 5 }];
  assert.deepEqual(through(steps, [4, 4, 1]).shape, [5, 5, 1]);
  const two = [{ step: "horizontalFlip" }, { step: "horizontalFlip" }];
  assert.equal(outcomes(two, [1, 2, 1]).size, 2); // two that drew the same would undo each other
});
