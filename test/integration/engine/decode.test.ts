import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fitImage } from "../../../src/data/fit.js";
import type { Engine } from "../../../src/engine/engine.js";
import { fixturePath } from "../../support/fixtures.js";
import { temporaryDirectory } from "../../support/temporary.js";
import { openTestEngine } from "../../support/tensorflow.js";
import { videoBytes } from "../../support/trailers.js";

const [WIDTH, HEIGHT] = [40, 30];
const image = (name: string) => fixturePath(`images/${name}`);
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
  const [png, jpeg] = await engine.decodeImages([image("gradient.png"), image("gradient.jpg")], 3);
  assert.deepEqual([png!.height, png!.width, png!.channels], [HEIGHT, WIDTH, 3]);
  assert.deepEqual(png!.pixels, gradient);
  assert.deepEqual([jpeg!.height, jpeg!.width], [HEIGHT, WIDTH]);
  assert.ok(largestDifference(jpeg!.pixels, gradient) <= 6);
  assert.equal(engine.memory().tensors, tensors);
});

test("the pixels go where the caller has a place for an image of that size", async () => {
  const memory = new Uint8Array(WIDTH * HEIGHT * 3 + 10);
  const target = memory.subarray(5, -5);
  const asked: number[][] = [];
  const paths = [image("gradient-16x12.png"), image("gradient.png")];
  const [, placed] = await engine.decodeImages(paths, 3, (index, height, width) => {
    asked.push([index, height, width]);
    return index === 1 ? target : null;
  });
  assert.equal(placed!.pixels, target);
  assert.deepEqual(target, gradient);
  assert.deepEqual([...memory.subarray(0, 5), ...memory.subarray(-5)], new Array(10).fill(0));
  assert.deepEqual(asked, [
    [0, 12, 16],
    [1, HEIGHT, WIDTH],
  ]);
  const { tensors } = engine.memory();
  await assert.rejects(
    engine.decodeImages(paths, 3, () => new Uint8Array(7)),
    { code: "tensor" },
  );
  assert.equal(engine.memory().tensors, tensors);
});

test("colours become gray where one channel is asked for", async () => {
  const [decoded] = await engine.decodeImages([image("gradient.jpg")], 1);
  assert.equal(decoded!.channels, 1);
  const [row, column] = [20, 10];
  const [red, green, blue] = pixel(row, column);
  const luma = 0.299 * red + 0.587 * green + 0.114 * blue;
  assert.ok(Math.abs(decoded!.pixels[row * WIDTH + column]! - luma) < 5);
});

test("several calls decode at once, and an image's pixels do not depend on its company", async () => {
  const paths = Array.from({ length: 12 }, (_, at) => image(at % 2 ? "gradient.png" : "gradient.jpg"));
  const [alone] = await engine.decodeImages([paths[0]!], 3);
  const calls = [1, 2, 4, 5].map((count) => engine.decodeImages(paths.slice(0, count), 3));
  const decoded = (await Promise.all(calls)).flat();
  assert.equal(decoded.length, 12);
  assert.ok(decoded.every(({ pixels }) => largestDifference(pixels, gradient) <= 6));
  for (const { pixels } of (await Promise.all(calls)).map(([first]) => first!)) assert.deepEqual(pixels, alone!.pixels);
});

test("what is no image, missing or cut short is named among others, with what was found", async (context) => {
  const { tensors } = engine.memory();
  const dir = temporaryDirectory(context);
  const refused = async (name: string, bytes: Uint8Array | null, message: RegExp) => {
    const path = join(dir, name);
    if (bytes) writeFileSync(path, bytes);
    await assert.rejects(
      engine.decodeImages([image("gradient.png"), path, image("gradient.jpg")], 3),
      (error: Error & { code: string }) => {
        assert.equal(error.code, "image");
        assert.ok(error.message.startsWith(`${path}: `), error.message);
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /\{\{|\[\[|decode_/, "TensorFlow's own names are for nobody");
        return true;
      },
    );
  };
  await refused("empty.png", new Uint8Array(0), /it is empty/);
  await refused("other.png", new TextEncoder().encode("GIF89a"), /neither JPEG nor PNG \(it begins with 47 49 46 38\)/);
  await refused("cut.png", readFileSync(image("gradient.png")).subarray(0, 70), /PNG cannot be decoded/);
  await refused("cut.jpg", readFileSync(image("gradient.jpg")).subarray(0, 400), /JPEG cannot be decoded/);
  await refused("missing.jpg", null, /it does not exist/);
  assert.equal(engine.memory().tensors, tensors);
});

test("a file may have any name and any folder", async (context) => {
  const dir = join(temporaryDirectory(context), "der Hund ☂", "http:");
  mkdirSync(dir, { recursive: true });
  const names = ["end\nof line.png", "猫 %20 * ?.png", "-rf \"'.png"];
  const paths = names.map((name) => join(dir, name));
  for (const path of paths) writeFileSync(path, readFileSync(image("gradient.png")));
  for (const { pixels } of await engine.decodeImages(paths, 3)) assert.deepEqual(pixels, gradient);
});

test("what a camera appends to a JPEG changes nothing", async (context) => {
  const dir = temporaryDirectory(context);
  for (const name of ["noise", "noise-progressive", "noise-restarts", "noise-gray", "noise-two-images"]) {
    const path = join(dir, `${name}.jpg`);
    writeFileSync(path, Buffer.concat([readFileSync(image(`${name}.jpg`)), videoBytes(20_000, 1)]));
    const [appended, plain] = await engine.decodeImages([path, image(`${name}.jpg`)], 3);
    assert.deepEqual(appended, plain, name);
  }
});

test("an image is made smaller as Pillow does it", async () => {
  const [expected, whole] = await engine.decodeImages(["gradient-16x12.png", "gradient.png"].map(image), 3);
  assert.ok(largestDifference(fitImage(whole!, [12, 16, 3]), expected!.pixels) <= 1);
});
