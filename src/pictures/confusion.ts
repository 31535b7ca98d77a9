/** Which class was taken for which. Pure. */
import { count, percent } from "../format.js";
import { blue } from "./colors.js";
import { clipped, type Drawing, GAP, type Mark, type Raster, SIZE, sheet, text, widthOf } from "./drawing.js";
import { type Body, beside } from "./grid.js";

export interface Confusion {
  classNames: readonly string[];
  /** Images of class `row` that were taken for class `column`. */
  matrix: readonly (readonly number[])[];
  of: string;
}

/** Up to so many classes, cells have numbers and rows have names; of more, a map and the worst pairs are what can be read. */
const NAMED = 24;
const MAP_SIDE = 480;
const MAP_MOST = 1000;
const PAIRS = 20;
const NAME = 150;

export function confusionDrawing({ classNames, matrix, of }: Confusion): Drawing {
  const images = matrix.reduce((sum, row) => sum + row.reduce((a, b) => a + b, 0), 0);
  const right = matrix.reduce((sum, row, label) => sum + row[label]!, 0);
  const notes = [
    `${count(right)} of ${of} right (${percent(right / Math.max(1, images))})`,
    "Rows: what an image shows; columns: what it was taken for",
  ];
  const square = classNames.length <= NAMED ? cells(classNames, matrix) : map(matrix);
  return sheet({ title: "Confusion matrix", notes }, beside(square, pairs(classNames, matrix), 3 * GAP));
}

function cells(classNames: readonly string[], matrix: Confusion["matrix"]): Body {
  const most = matrix.flat().reduce((a, b) => Math.max(a, b), 0);
  const cell = Math.max(28, Math.ceil(widthOf(count(most), SIZE.small)) + 8);
  const tall = 24;
  const marks = matrix.flatMap((row, label): Mark[] => {
    const all = Math.max(
      1,
      row.reduce((a, b) => a + b, 0),
    );
    const y = 20 + label * tall;
    const name = clipped(`${label} ${classNames[label]}`, NAME - 8, SIZE.small);
    return [
      text(0, y + 16, name, { size: SIZE.small }),
      ...row.flatMap((images, taken): Mark[] => {
        const x = NAME + taken * cell;
        const share = images / all;
        const box: Mark = { kind: "box", x, y, width: cell - 1, height: tall - 1, fill: blue(share) };
        const ink = share > 0.7 ? "#ffffff" : "#1b1f24";
        if (images === 0) return [box];
        return [box, text(x + (cell - 1) / 2, y + 16, count(images), { size: SIZE.small, ink, align: "middle" })];
      }),
    ];
  });
  const heads = classNames.map((_, taken) =>
    text(NAME + taken * cell + (cell - 1) / 2, 14, String(taken), { size: SIZE.small, ink: "muted", align: "middle" }),
  );
  return { width: NAME + classNames.length * cell, height: 20 + classNames.length * tall, marks: [...heads, ...marks] };
}

/** A pixel a class at least; of more than two thousand classes, some share one. Shares are shown by their root, so that rare confusions are seen. */
function map(matrix: Confusion["matrix"]): Body {
  const classes = matrix.length;
  const pixels = new Uint8Array(3 * classes * classes);
  matrix.forEach((row, label) => {
    const all = Math.max(
      1,
      row.reduce((a, b) => a + b, 0),
    );
    row.forEach((images, taken) => {
      const hex = blue(Math.sqrt(images / all));
      for (let channel = 0; channel < 3; channel++)
        pixels[3 * (label * classes + taken) + channel] = Number.parseInt(
          hex.slice(1 + 2 * channel, 3 + 2 * channel),
          16,
        );
    });
  });
  const image: Raster = { width: classes, height: classes, pixels };
  const shown = Math.min(MAP_MOST, classes * Math.max(0.5, Math.floor(MAP_SIDE / classes)));
  const edge = [
    [0, 0],
    [shown, 0],
    [shown, shown],
    [0, shown],
    [0, 0],
  ] as const;
  return {
    width: shown,
    height: shown,
    marks: [
      { kind: "image", x: 0, y: 0, width: shown, height: shown, image },
      { kind: "line", points: edge, width: 1, ink: "line" },
    ],
  };
}

/** The most frequent confusions, in words. */
function pairs(classNames: readonly string[], matrix: Confusion["matrix"]): Body {
  const found = matrix
    .flatMap((row, label) => row.map((images, taken) => ({ images, label, taken })))
    .filter(({ images, label, taken }) => images > 0 && label !== taken)
    .sort((a, b) => b.images - a.images)
    .slice(0, PAIRS);
  const lines = found.map(
    ({ images, label, taken }) => `${count(images).padStart(7)} ${classNames[label]} → ${classNames[taken]}`,
  );
  const all = [
    found.length === 0 ? "No image was taken for another class" : "Most often taken for another class:",
    ...lines,
  ];
  return {
    width: all.reduce((most, words) => Math.max(most, widthOf(words, SIZE.text)), 0),
    height: all.length * 18,
    marks: all.map((words, line) => text(0, 14 + 18 * line, words, { ink: line === 0 ? "muted" : "ink" })),
  };
}
