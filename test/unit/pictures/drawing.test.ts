import assert from "node:assert/strict";
import { test } from "node:test";
import { clipped, type Drawing, SIZE, text, widthOf } from "../../../src/pictures/drawing.js";
import { advanceOf, strokesOf } from "../../../src/pictures/font.js";
import { pngOf } from "../../../src/pictures/raster.js";
import { svgOf } from "../../../src/pictures/svg.js";
import { blended, photo, resized, stretched } from "../../../src/pictures/tiles.js";
import { decodePng } from "../../support/decode-png.js";

const ASCII = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at));
const strokes = (words: string) => strokesOf(words, 0, 0, 10);

test("every printable letter has strokes of its own, which stay within its place", () => {
  const box = JSON.stringify(strokes("\u{1f60a}"));
  const seen = new Map(ASCII.map((letter) => [JSON.stringify(strokes(letter)), letter]));
  assert.equal(seen.size, ASCII.length);
  assert.ok(!seen.has(box), "a letter without strokes is a box, and no other letter is");
  for (const letter of ASCII)
    for (const [x, y] of strokes(letter).flat())
      assert.ok(x > 0 && x < advanceOf(10) && y >= -6 && y <= 2, `${letter}: ${x}, ${y}`);
});

test("accents are left out, and letters of other scripts are boxes", () => {
  assert.deepEqual(strokes("Äé"), strokes("Ae"));
  assert.equal(strokes("猫").length, 1);
});

test("words that are too long end in an ellipsis", () => {
  assert.equal(clipped("Ankle boot", 1000, 10), "Ankle boot");
  assert.equal(clipped("Ankle boot", 5 * advanceOf(10), 10), "Ankl…");
  assert.equal(widthOf("Ankl…", 10), 5 * advanceOf(10));
});

test("values are stretched from their least to their largest; equal ones are gray", () => {
  assert.deepEqual(
    [...stretched([-1, 0, 1, 3], [2, 2, 1]).pixels],
    [0, 0, 0, 64, 64, 64, 128, 128, 128, 255, 255, 255],
  );
  assert.deepEqual([...stretched([2, 2], [1, 2, 1]).pixels], [128, 128, 128, 128, 128, 128]);
  assert.deepEqual([...stretched([0, 1, 2, 4, 3, 0], [1, 2, 3]).pixels], [0, 64, 128, 255, 191, 0]);
});

test("images of one channel are gray, of three RGB, of others by their first", () => {
  assert.deepEqual([...photo(Uint8Array.of(7, 9), [1, 2, 1]).pixels], [7, 7, 7, 9, 9, 9]);
  assert.deepEqual([...photo(Uint8Array.of(1, 2, 3), [1, 1, 3]).pixels], [1, 2, 3]);
  assert.deepEqual([...photo(Uint8Array.of(5, 6, 7, 8), [1, 2, 2]).pixels], [5, 5, 5, 7, 7, 7]);
});

test("larger repeats pixels, smaller averages them", () => {
  const image = photo(Uint8Array.of(0, 100), [1, 2, 1]);
  assert.deepEqual(
    [...resized(image, 4, 1).pixels].filter((_, at) => at % 3 === 0),
    [0, 0, 100, 100],
  );
  assert.deepEqual([...resized(image, 1, 1).pixels], [50, 50, 50]);
  assert.deepEqual(
    [...blended(image, photo(Uint8Array.of(100, 100), [1, 2, 1])).pixels].filter((_, at) => at % 3 === 0),
    [50, 100],
  );
});

const drawing: Drawing = {
  title: 'a "title" & more',
  width: 40,
  height: 30,
  marks: [
    { kind: "box", x: 0, y: 0, width: 10, height: 10, fill: "#ff0000" },
    { kind: "image", x: 20, y: 0, width: 10, height: 10, image: photo(Uint8Array.of(0, 255), [1, 2, 1]) },
    {
      kind: "line",
      points: [
        [0, 20],
        [40, 20],
      ],
      width: 2,
      ink: "#0000ff",
    },
    text(2, 28, "<i>", { size: SIZE.small }),
  ],
};

test("as pixels, each mark is where it belongs", () => {
  const { png, width, height } = pngOf(drawing);
  const read = decodePng(png);
  assert.deepEqual([read.width, read.height], [width, height]);
  const at = (x: number, y: number) => [...read.pixels.subarray(3 * (2 * y * width + 2 * x)).subarray(0, 3)];
  assert.deepEqual(at(5, 5), [255, 0, 0]);
  assert.deepEqual(at(22, 5), [0, 0, 0]);
  assert.deepEqual(at(28, 5), [255, 255, 255]);
  assert.deepEqual(at(20, 20), [0, 0, 255]);
  assert.deepEqual(at(20, 14), [255, 255, 255]);
  const letters = read.pixels.subarray(3 * 2 * 22 * width);
  assert.ok(
    letters.some((value) => value < 100),
    "the text is there",
  );
});

test("as SVG, text is text, and nothing in it is markup", () => {
  const svg = svgOf(drawing, { standalone: true });
  assert.match(svg, /aria-label="a &quot;title&quot; &amp; more"/);
  assert.match(svg, />&lt;i&gt;<\/text>/);
  assert.match(svg, /href="data:image\/png;base64,/);
  assert.match(svg, /prefers-color-scheme:dark/);
  assert.doesNotMatch(svgOf(drawing, { standalone: false }), /<style/);
});
