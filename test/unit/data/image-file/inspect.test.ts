import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inspectImage, MAX_PIXELS } from "../../../../src/data/image-file/inspect.js";
import { fixturePath } from "../../../support/fixtures.js";
import { pngOf } from "../../../support/png.js";
import { noiseBytes, videoBytes } from "../../../support/trailers.js";

const fixture = (name: string) => readFileSync(fixturePath(`images/${name}`));
/** Baseline, progressive, with restart markers, gray. */
const KINDS = ["noise", "noise-progressive", "noise-restarts", "noise-gray"];
const JPEGS = KINDS.map((name) => [name, fixture(`${name}.jpg`)] as const);
const JPEG = fixture("noise.jpg");
const TWO_IMAGES = fixture("noise-two-images.jpg");
const PNG = fixture("gradient.png");
const PIXELS = { fault: null, pixels: 64 * 48 };
const CUT = { fault: "it is a JPEG that was cut short" };
const PNG_CUT = { fault: "it is a PNG that was cut short" };

const scanOf = (file: Buffer) => file.indexOf(Buffer.of(0xff, 0xda)) + 16;
const isFault = (file: Buffer, what: string) => assert.equal(typeof inspectImage(file).fault, "string", what);
const segment = (marker: number, content: Buffer) => {
  const head = Buffer.from([0xff, marker, 0, 0]);
  head.writeUInt16BE(2 + content.byteLength, 2);
  return Buffer.concat([head, content]);
};
/** With a segment right behind the start. */
const withSegment = (file: Buffer, marker: number, content: Buffer) =>
  Buffer.concat([file.subarray(0, 2), segment(marker, content), file.subarray(2)]);

test("a whole JPEG of each kind is whole, whatever comes behind its end", () => {
  for (const [name, file] of JPEGS) {
    assert.deepEqual(inspectImage(file), PIXELS, name);
    for (let seed = 0; seed < 50; seed++)
      for (const trailer of [videoBytes(5000, seed), noiseBytes(1 + 97 * seed, seed)])
        assert.deepEqual(inspectImage(Buffer.concat([file, trailer])), PIXELS, `${name}, trailer ${seed}`);
  }
  // A start of a scan behind the end is not one of this image: half of all trailers have one after their last end.
  assert.deepEqual(inspectImage(Buffer.concat([JPEG, Buffer.of(0xff, 0xda, 1, 2, 3)])), PIXELS);
  assert.deepEqual(inspectImage(Buffer.concat([JPEG, JPEG.subarray(0, 1000)])), PIXELS);
});

test("a JPEG that was cut is cut, at whatever byte", () => {
  for (const [name, file] of JPEGS) {
    for (let length = scanOf(file); length < file.byteLength; length++)
      assert.deepEqual(inspectImage(file.subarray(0, length)), CUT, `${name}, ${length} bytes`);
    for (let length = 3; length < scanOf(file) - 16; length++) isFault(file.subarray(0, length), `${name}, ${length}`);
  }
});

test("a JPEG that was cut stays cut with something behind it", () => {
  for (const [name, file] of JPEGS)
    for (let seed = 0; seed < 200; seed++) {
      const part = file.subarray(0, scanOf(file) + ((seed * 37) % (file.byteLength - scanOf(file) - 2)));
      const behind = { video: videoBytes(3000, seed), image: JPEG, text: Buffer.from("<x:xmpmeta>".repeat(50)) };
      for (const [what, trailer] of Object.entries(behind))
        isFault(Buffer.concat([part, trailer]), `${name}, cut at ${part.byteLength}, then ${what} ${seed}`);
    }
});

test("several images in one file: the first counts", () => {
  const first = TWO_IMAGES.indexOf(Buffer.of(0xff, 0xd9)) + 2;
  assert.ok(first < TWO_IMAGES.byteLength);
  for (let length = first; length <= TWO_IMAGES.byteLength; length += 50)
    assert.deepEqual(inspectImage(TWO_IMAGES.subarray(0, length)), PIXELS);
  assert.deepEqual(inspectImage(TWO_IMAGES.subarray(0, first - 1)), CUT);
  isFault(Buffer.concat([TWO_IMAGES.subarray(0, first - 100), TWO_IMAGES.subarray(first)]), "the first was cut");
});

test("a preview inside of a segment is neither the image nor its end", () => {
  const preview = withSegment(JPEG, 0xe1, Buffer.concat([Buffer.from("Exif\0\0"), fixture("gradient.jpg")]));
  assert.deepEqual(inspectImage(preview), PIXELS);
  for (let length = scanOf(JPEG) + 1100; length < preview.byteLength; length += 7)
    isFault(preview.subarray(0, length), `${length} bytes`);
});

test("what decoders pass over is passed over, and what they refuse is damaged", () => {
  const filled = Buffer.concat([JPEG.subarray(0, 2), Buffer.alloc(9, 0xff), JPEG.subarray(2)]);
  assert.deepEqual(inspectImage(filled), PIXELS);
  assert.deepEqual(inspectImage(Buffer.concat([JPEG.subarray(0, -2), Buffer.of(0xff, 0xff, 0xd9)])), PIXELS);
  const damaged = (file: Buffer) => assert.match(inspectImage(file).fault!, /^it is a damaged JPEG \(marker ff /);
  damaged(withSegment(JPEG, 0xdb, Buffer.alloc(10)));
  damaged(withSegment(JPEG, 0xc4, Buffer.alloc(40, 9)));
  damaged(withSegment(JPEG, 0x55, Buffer.alloc(40)));
  const start = JPEG.indexOf(Buffer.of(0xff, 0xc0));
  damaged(withSegment(JPEG, 0xc0, JPEG.subarray(start + 4, start + 19)));
  assert.deepEqual(inspectImage(Buffer.of(0xff, 0xd8, 0xff, 0xd9)), { fault: "it is a JPEG without image data" });
});

test("a PNG is whole up to its last chunk, and cut before it, whatever comes behind", () => {
  assert.deepEqual(inspectImage(PNG), { fault: null, pixels: 1200 });
  assert.deepEqual(inspectImage(Buffer.concat([PNG, videoBytes(500, 1)])), { fault: null, pixels: 1200 });
  for (let length = 8; length < PNG.byteLength - 8; length++) {
    const part = PNG.subarray(0, length);
    assert.deepEqual(inspectImage(part), PNG_CUT);
    isFault(Buffer.concat([part, Buffer.from("text that names IEND")]), `${length} bytes and a text`);
  }
  const empty = Buffer.concat([PNG.subarray(0, 33), PNG.subarray(-12)]);
  assert.deepEqual(inspectImage(empty), { fault: "it is a PNG without image data" });
});

test("more pixels than may be are refused by the header alone, of both formats", () => {
  const png = pngOf(new Uint8Array(1), 1, 1, 1);
  const sized = (width: number, height: number) => {
    const file = Buffer.from(png);
    file.writeUInt32BE(width, 16);
    file.writeUInt32BE(height, 20);
    return inspectImage(file);
  };
  assert.deepEqual(sized(MAX_PIXELS, 1), { fault: null, pixels: MAX_PIXELS });
  assert.match(sized(16_000, 16_000).fault!, /^it has 16000x16000 = 256000000 pixels, more than 89478485: make it/);
  assert.match(sized(2 ** 31 - 1, 2 ** 31 - 1).fault!, /^it has 2147483647x2147483647 = \d+ pixels, more/);
  assert.deepEqual(sized(0, 5), { fault: "it is a damaged PNG (0x5 pixels)" });
  const jpeg = Buffer.from(JPEG);
  jpeg.writeUInt32BE(0xffffffff, jpeg.indexOf(Buffer.of(0xff, 0xc0)) + 5);
  assert.match(inspectImage(jpeg).fault!, /^it has 65535x65535 = 4294836225 pixels/);
});
