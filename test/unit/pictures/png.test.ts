import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodePng } from "../../../src/pictures/png.js";
import { decodePng } from "../../support/decode-png.js";

test("what is written as a PNG is read as it was", () => {
  const image = fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 })).chain(([width, height]) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      pixels: fc.uint8Array({ minLength: 3 * width * height, maxLength: 3 * width * height }),
    }),
  );
  fc.assert(
    fc.property(image, (raster) => {
      const read = decodePng(encodePng(raster));
      const rgb =
        read.channels === 3 ? read.pixels : Uint8Array.from(raster.pixels, (_, at) => read.pixels[Math.floor(at / 3)]!);
      assert.deepEqual({ ...read, channels: 3, pixels: rgb }, { ...raster, channels: 3 });
    }),
  );
});

test("a picture without colour is written as gray, in a third of the bytes", () => {
  const pixels = Uint8Array.from({ length: 3 * 64 * 64 }, (_, at) => (Math.floor(at / 3) * 7919) % 251);
  const gray = encodePng({ width: 64, height: 64, pixels });
  assert.equal(decodePng(gray).channels, 1);
  const colored = encodePng({ width: 64, height: 64, pixels: pixels.with(0, pixels[0]! ^ 1) });
  assert.equal(decodePng(colored).channels, 3);
  assert.ok(gray.length < colored.length);
});
