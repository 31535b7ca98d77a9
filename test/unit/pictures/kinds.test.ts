import assert from "node:assert/strict";
import { test } from "node:test";
import { confusionDrawing } from "../../../src/pictures/confusion.js";
import { curvesDrawing } from "../../../src/pictures/curves.js";
import type { Drawing, Mark } from "../../../src/pictures/drawing.js";
import { filtersDrawing } from "../../../src/pictures/filters.js";
import { mistakesDrawing, percentOf, samplesDrawing } from "../../../src/pictures/images.js";
import { activationsDrawing, gradcamDrawing } from "../../../src/pictures/insides.js";

const of = <K extends Mark["kind"]>({ marks }: Drawing, kind: K) =>
  marks.filter((mark): mark is Extract<Mark, { kind: K }> => mark.kind === kind);
const words = (drawing: Drawing) => of(drawing, "text").map(({ text }) => text);
const grays = (drawing: Drawing) =>
  of(drawing, "image").map(({ image }) => [...image.pixels].filter((_, at) => at % 3 === 0));

test("each filter has its own range, and TensorFlow's order is read rightly", () => {
  // [1, 2, 1, 2]: filter 0 has 0 and 2, filter 1 has 10 and 30.
  const gray = filtersDrawing({ name: "conv/kernel", shape: [1, 2, 1, 2], values: Float32Array.of(0, 30, 2, 10) });
  assert.deepEqual(grays(gray), [
    [0, 255],
    [255, 0],
  ]);
  const rgb = filtersDrawing({ name: "conv/kernel", shape: [1, 1, 3, 2], values: Float32Array.of(0, 9, 1, 8, 2, 7) });
  assert.deepEqual(
    of(rgb, "image").map(({ image }) => [...image.pixels]),
    [
      [0, 128, 255],
      [255, 128, 0],
    ],
  );
  assert.match(rgb.title, /2 filters of 1x1x3/);
});

test("filters over other channels are gray, their channels side by side with one range", () => {
  const drawing = filtersDrawing({ name: "c", shape: [1, 1, 2, 1], values: Float32Array.of(0, 4) });
  assert.deepEqual(grays(drawing), [[0, 255]]);
  assert.match(drawing.title, /its 2 channels side by side/);
});

test("of very many filters the first are drawn", () => {
  const drawing = filtersDrawing({ name: "c", shape: [1, 1, 1, 300], values: new Float32Array(300) });
  assert.equal(of(drawing, "image").length, 256);
  assert.match(drawing.title, /the first 256 of 300 filters/);
});

const gallery = { shape: [1, 1, 1], classNames: ["cat", "dog"], of: "9 test images" } as const;
const judged = (label: number, probability: number) => ({
  pixels: Uint8Array.of(9),
  label,
  guesses: [
    { label: 1, probability },
    { label: 0, probability: 1 - probability },
  ],
});

test("samples say what they show and what they were taken for, right or wrong", () => {
  const drawing = samplesDrawing([judged(1, 0.75), judged(0, 0.625)], gallery);
  assert.match(drawing.title, /2 of 9 test images, evenly spaced; 1 right/);
  const lines = of(drawing, "text").slice(3);
  assert.deepEqual(
    lines.map(({ text, ink }) => `${text} ${ink}`),
    ["dog ink", "75.0% dog good", "25.0% cat muted", "cat ink", "62.5% dog bad", "37.5% cat muted"],
  );
});

test("mistakes are counted; where there are none, that is said", () => {
  const drawing = mistakesDrawing([judged(0, 0.9)], gallery, { wrong: 3, images: 9 });
  assert.match(drawing.title, /3 of 9 test images are wrong \(33.33%\)/);
  assert.ok(words(drawing).includes("is cat"));
  assert.match(mistakesDrawing([], gallery, { wrong: 0, images: 9 }).title, /none: all of 9 test images are right/);
});

test("no probability is rounded to certainty", () => {
  assert.deepEqual([1, 0.9999, 0.5, 0.0001, 0].map(percentOf), ["100.0%", ">99.9%", "50.0%", "<0.1%", "0.0%"]);
});

test("a confusion matrix of few classes has their numbers, and the worst pairs in words", () => {
  const drawing = confusionDrawing({
    classNames: ["cat", "dog"],
    matrix: [
      [8, 2],
      [0, 5],
    ],
    of: "15 test images",
  });
  assert.match(drawing.title, /13 of 15 test images right \(86.67%\)/);
  assert.equal(of(drawing, "box").length, 4);
  assert.equal(of(drawing, "image").length, 0);
  for (const each of ["8", "2", "5", "0 cat", "1 dog", "      2 cat → dog"])
    assert.ok(words(drawing).includes(each), each);
  assert.ok(
    words(confusionDrawing({ classNames: ["a"], matrix: [[1]], of: "1 test image" })).includes(
      "No image was taken for another class",
    ),
  );
});

test("of a thousand classes it is a map, and the worst pairs", () => {
  const classNames = Array.from({ length: 1000 }, (_, label) => `class ${label}`);
  const matrix = classNames.map((_, label) =>
    classNames.map((_, taken) => (taken === label ? 40 : label === 7 && taken === 9 ? 10 : 0)),
  );
  const drawing = confusionDrawing({ classNames, matrix, of: "40,010 test images" });
  assert.equal(of(drawing, "image").length, 1);
  assert.ok(drawing.width < 1200 && drawing.height < 800, `${drawing.width}x${drawing.height}`);
  assert.ok(words(drawing).includes("     10 class 7 → class 9"));
  const { pixels } = of(drawing, "image")[0]!.image;
  const dark = (row: number, column: number) => pixels[3 * (1000 * row + column)]!;
  assert.ok(dark(0, 0) < dark(7, 9) && dark(7, 9) < dark(9, 7));
});

const looked = {
  pixels: Uint8Array.of(0, 1, 2, 3),
  shape: [2, 2, 1],
  from: "boot.png",
  guess: { name: "boot", probability: 0.5 },
} as const;

test("a layer's maps are drawn each on its own scale, vectors as strips", () => {
  const drawing = activationsDrawing(looked, [
    { name: "conv", shape: [1, 2, 5], shown: 2, values: Float32Array.of(0, 9, 1, 7) },
    { name: "fc", shape: [3], shown: 3, values: Float32Array.of(0, 1, 2) },
  ]);
  const [, first, second, strip] = grays(drawing);
  assert.deepEqual(
    [first, second, strip],
    [
      [0, 255],
      [255, 0],
      [0, 128, 255],
    ],
  );
  for (const each of ["input 2x2x1", "conv 1x2x5, the first 2 maps", "fc 3"])
    assert.ok(words(drawing).includes(each), each);
});

test("Grad-CAM is brightest where the map is largest; a map of zeros is said to be one", () => {
  const map = { layer: "conv", height: 1, width: 2, values: Float32Array.of(0, 3) };
  const drawing = gradcamDrawing(looked, map);
  const { image } = of(drawing, "image")[1]!;
  const light = (column: number) =>
    image.pixels[3 * column]! + image.pixels[3 * column + 1]! + image.pixels[3 * column + 2]!;
  assert.ok(light(image.width - 1) > light(0) + 300);
  assert.match(gradcamDrawing(looked, { ...map, values: new Float32Array(2) }).title, /no place speaks for boot/);
});

test("curves have both sets, round numbers and the best step; many steps become few points", () => {
  const train = Array.from({ length: 5000 }, (_, at) => ({ step: at + 1, value: 2.3 - at / 2500 }));
  const test = [
    { step: 2500, value: 1 },
    { step: 5000, value: 0.4 },
  ];
  const drawing = curvesDrawing({ of: "lenet5", loss: { train, test }, accuracy: { train: [], test: [] }, best: 5000 });
  const chains = of(drawing, "line").filter(({ points }) => points.length > 2);
  assert.ok(chains.length === 1 && chains[0]!.points.length <= 400);
  for (const each of ["0.5", "2.5", "5,000", "test set, best after step 5,000", "accuracy: no step was done yet"])
    assert.ok(words(drawing).includes(each), each);
});
