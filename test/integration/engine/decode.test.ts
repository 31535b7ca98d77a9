import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fitImage } from "../../../src/data/fit.js";
import type { Engine } from "../../../src/engine/engine.js";
import { fixturePath } from "../../support/fixtures.js";
import { openTestEngine } from "../../support/tensorflow.js";

const [WIDTH, HEIGHT] = [40, 30];
const image = (name: string) => readFileSync(fixturePath(`images/${name}`));
/** As test/fixtures/make_images.py has it. */
const pixel = (row: number, column: number) => [6 * column, 8 * row, 3 * (row + column)] as const;
const gradient = Uint8Array.from(
  Array.from({ length: WIDTH * HEIGHT }, (_, at) => pixel(Math.floor(at / WIDTH), at % WIDTH)).flat(),
);
const largestDifference = (a: Uint8Array, b: Uint8Array) =>
  a.reduce((largest, value, at) => Math.max(largest, Math.abs(value - b[at]!)), 0);

let engine: Engine;
before(async () => {
  engine = await openTestEngine();
});
after(() => engine.close());

test("a PNG is decoded to its pixels, a JPEG to nearly them, and neither leaves anything behind", async () => {
  const { tensors } = engine.memory();
  const png = await engine.decodeImage(image("gradient.png"), 3);
  assert.deepEqual([png.height, png.width, png.channels], [HEIGHT, WIDTH, 3]);
  assert.deepEqual(png.pixels, gradient);
  const jpeg = await engine.decodeImage(image("gradient.jpg"), 3);
  assert.deepEqual([jpeg.height, jpeg.width], [HEIGHT, WIDTH]);
  assert.ok(largestDifference(jpeg.pixels, gradient) <= 6);
  assert.equal(engine.memory().tensors, tensors);
});

test("the pixels go where the caller has a place for an image of that size", async () => {
  const memory = new Uint8Array(WIDTH * HEIGHT * 3 + 10);
  const target = memory.subarray(5, -5);
  const asked: number[][] = [];
  const { pixels } = await engine.decodeImage(image("gradient.png"), 3, (height, width) => {
    asked.push([height, width]);
    return target;
  });
  assert.equal(pixels, target);
  assert.deepEqual(target, gradient);
  assert.deepEqual([...memory.subarray(0, 5), ...memory.subarray(-5)], new Array(10).fill(0));
  assert.deepEqual(asked, [[HEIGHT, WIDTH]]);
  const small = () => new Uint8Array(7);
  await assert.rejects(engine.decodeImage(image("gradient.png"), 3, small), { code: "image" });
});

test("colours become gray where one channel is asked for", async () => {
  const { pixels, channels } = await engine.decodeImage(image("gradient.jpg"), 1);
  assert.equal(channels, 1);
  const [row, column] = [20, 10];
  const [red, green, blue] = pixel(row, column);
  const luma = 0.299 * red + 0.587 * green + 0.114 * blue;
  assert.ok(Math.abs(pixels[row * WIDTH + column]! - luma) < 5);
});

test("several are decoded at once", async () => {
  const files = Array.from({ length: 12 }, (_, at) => image(at % 2 ? "gradient.png" : "gradient.jpg"));
  const decoded = await Promise.all(files.map((file) => engine.decodeImage(file, 3)));
  assert.ok(decoded.every(({ pixels }) => largestDifference(pixels, gradient) <= 6));
});

test("what is no image, and what is cut short, is refused with what was found", async () => {
  const refused = (file: Uint8Array, message: RegExp) =>
    assert.rejects(engine.decodeImage(file, 3), (error: Error & { code: string }) => {
      assert.equal(error.code, "image");
      assert.match(error.message, message);
      return true;
    });
  const { tensors } = engine.memory();
  await refused(new Uint8Array(0), /it is empty/);
  await refused(new TextEncoder().encode("GIF89a"), /neither JPEG nor PNG \(it begins with 47 49 46 38\)/);
  await refused(image("gradient.png").subarray(0, 70), /PNG cannot be decoded/);
  await refused(image("gradient.jpg").subarray(0, 400), /JPEG cannot be decoded/);
  assert.equal(engine.memory().tensors, tensors);
});

test("an image is made smaller as Pillow does it", async () => {
  const [expected, whole] = await Promise.all(
    ["gradient-16x12.png", "gradient.png"].map((name) => engine.decodeImage(image(name), 3)),
  );
  assert.ok(largestDifference(fitImage(whole!, [12, 16, 3]), expected!.pixels) <= 1);
});
