import assert from "node:assert/strict";
import { test } from "node:test";
import { cutView, tenViews } from "../../../src/evaluation/crops.js";

test("four corners and the centre, then their mirrors", () => {
  const views = tenViews([5, 7, 1], [3, 4, 1]);
  assert.deepEqual(
    views.slice(0, 5).map(({ top, left }) => [top, left]),
    [
      [0, 0],
      [0, 3],
      [2, 0],
      [2, 3],
      [1, 1],
    ],
  );
  assert.deepEqual(
    views.slice(5),
    views.slice(0, 5).map((view) => ({ ...view, mirrored: true })),
  );
});

test("images that are not larger than the network's are refused with both sizes", () => {
  for (const image of [
    [28, 28, 1],
    [28, 27, 1],
    [40, 20, 1],
  ] as const)
    assert.throws(() => tenViews(image, [28, 28, 1]), {
      code: "ten-crop",
      message: new RegExp(`takes 28x28, the images are ${image[0]}x${image[1]}`),
    });
});

test("a view is cut out of every image, channels together, and mirrored from the right", () => {
  const [height, width, channels] = [3, 4, 2];
  const pixels = Uint8Array.from({ length: 2 * height * width * channels }, (_, index) => index);
  const at = (image: number, row: number, column: number) => {
    const start = ((image * height + row) * width + column) * channels;
    return [start, start + 1];
  };
  const cut = (mirrored: boolean) => [
    ...cutView(pixels, [height, width, channels], { top: 1, left: 1, mirrored }, [2, 2, channels]),
  ];
  const expected = (columns: number[]) =>
    [0, 1].flatMap((image) => [1, 2].flatMap((row) => columns.flatMap((column) => at(image, row, column))));
  assert.deepEqual(cut(false), expected([1, 2]));
  assert.deepEqual(cut(true), expected([2, 1]));
});
