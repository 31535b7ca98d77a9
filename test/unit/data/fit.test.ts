import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fitImage } from "../../../src/data/fit.js";

test("an image of the size that is asked for stays as it is", () => {
  const pixels = Uint8Array.from({ length: 5 * 7 * 3 }, (_, index) => (index * 89) % 256);
  assert.deepEqual(fitImage({ pixels, height: 5, width: 7 }, [5, 7, 3]), pixels);
});

test("the centre is cut out of the longer side", () => {
  const pixels = Uint8Array.from({ length: 2 * 7 }, (_, index) => index);
  assert.deepEqual([...fitImage({ pixels, height: 2, width: 7 }, [2, 2, 1])], [2, 3, 9, 10]);
});

test("halved, each pixel is a weighted mean of those around it; doubled, of its two neighbours", () => {
  const row = Uint8Array.of(0, 80, 160, 240);
  const halved = fitImage({ pixels: Uint8Array.of(...row, ...row, ...row, ...row), height: 4, width: 4 }, [2, 2, 1]);
  // Weights 1, 3, 3, 1 of eight; at the border those that lie within.
  assert.deepEqual(
    [...halved.subarray(0, 2)],
    [Math.round((3 * 0 + 3 * 80 + 160) / 7), Math.round((80 + 3 * 160 + 3 * 240) / 7)],
  );
  const doubled = fitImage({ pixels: Uint8Array.of(0, 100, 0, 100), height: 2, width: 2 }, [4, 4, 1]);
  assert.deepEqual([...doubled.subarray(0, 4)], [0, 25, 75, 100]);
});

test("no size leaves the range of the image's values, and a plain image stays plain", () => {
  const size = fc.integer({ min: 1, max: 12 });
  fc.assert(
    fc.property(size, size, size, size, fc.nat(255), fc.nat(255), (height, width, rows, columns, a, b) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const pixels = Uint8Array.from({ length: height * width }, (_, at) => low + ((at * 37) % (high - low + 1)));
      const result = fitImage({ pixels, height, width }, [rows, columns, 1]);
      assert.equal(result.length, rows * columns);
      assert.ok(result.every((value) => value >= low && value <= high));
    }),
  );
});
