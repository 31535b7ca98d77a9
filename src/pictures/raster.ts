/** A drawing as pixels. Pure. */
import type { Drawing, Ink, Mark, Raster } from "./drawing.js";
import { advanceOf, strokesOf } from "./font.js";
import { encodePng } from "./png.js";
import { resized } from "./tiles.js";

/** Pixels to a unit of the sheet, so that letters are sharp on a fine screen and on paper. */
const SCALE = 2;
/** On a light sheet. */
const COLORS = {
  ink: "#1b1f24",
  muted: "#59636e",
  line: "#c9d1d9",
  good: "#0b6e4f",
  bad: "#b3261e",
  first: "#0072b2",
  second: "#d55e00",
  third: "#009e73",
} as const;
const PAPER = 255;
/** Of a stroke of a letter, in letters' sizes. */
const STROKE = 0.11;

export function pngOf(drawing: Drawing): { png: Uint8Array; width: number; height: number } {
  const { width, height } = drawing;
  const canvas = new Canvas(width * SCALE, height * SCALE);
  for (const mark of drawing.marks) canvas.draw(mark);
  return { png: encodePng(canvas), width: canvas.width, height: canvas.height };
}

type Points = readonly (readonly [number, number])[];

class Canvas implements Raster {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
    this.pixels = new Uint8Array(3 * width * height).fill(PAPER);
  }

  draw(mark: Mark): void {
    switch (mark.kind) {
      case "box":
        return this.#box(mark);
      case "image":
        return this.#image(mark);
      case "text": {
        const wide = [...mark.text].length * advanceOf(mark.size);
        const left = mark.x - (mark.align === "left" ? 0 : mark.align === "middle" ? wide / 2 : wide);
        return this.#stroke(strokesOf(mark.text, left, mark.y, mark.size), STROKE * mark.size, mark.ink);
      }
      case "line":
        return this.#stroke([mark.points], mark.width, mark.ink);
    }
  }

  #box({ x, y, width, height, fill }: Extract<Mark, { kind: "box" }>): void {
    const color = rgbOf(fill);
    const [left, right] = [x, x + width].map((each) => clamp(Math.round(each * SCALE), this.width));
    const [top, bottom] = [y, y + height].map((each) => clamp(Math.round(each * SCALE), this.height));
    for (let row = top!; row < bottom!; row++)
      for (let column = left!; column < right!; column++) this.pixels.set(color, 3 * (row * this.width + column));
  }

  #image({ x, y, width, height, image }: Extract<Mark, { kind: "image" }>): void {
    const [left, top] = [Math.round(x * SCALE), Math.round(y * SCALE)];
    const fitted = resized(image, Math.round(width * SCALE), Math.round(height * SCALE));
    for (let row = 0; row < fitted.height; row++) {
      const from = 3 * row * fitted.width;
      this.pixels.set(fitted.pixels.subarray(from, from + 3 * fitted.width), 3 * ((top + row) * this.width + left));
    }
  }

  /** With soft edges: how much of a pixel is covered follows from its distance to the stroke's middle. */
  #stroke(strokes: readonly Points[], wide: number, ink: Ink): void {
    const half = (wide * SCALE) / 2;
    const chains = strokes.map((points) => points.map(([x, y]) => [x * SCALE, y * SCALE] as const));
    const [xs, ys] = [0, 1].map((axis) => chains.flatMap((chain) => chain.map((point) => point[axis]!)));
    if (xs!.length === 0) return;
    const around = (values: readonly number[], most: number) => [
      clamp(Math.floor(values.reduce((a, b) => Math.min(a, b)) - half - 1), most),
      clamp(Math.ceil(values.reduce((a, b) => Math.max(a, b)) + half + 1), most),
    ];
    const [left, right] = around(xs!, this.width) as [number, number];
    const [top, bottom] = around(ys!, this.height) as [number, number];
    const [columns, rows] = [right - left, bottom - top];
    const covered = new Float32Array(columns * rows);
    const area: Area = { left, top, columns, rows, covered };
    for (const chain of chains)
      for (let at = 0; at < Math.max(1, chain.length - 1); at++)
        cover(area, chain[at]!, chain[Math.min(at + 1, chain.length - 1)]!, half);
    const color = rgbOf(ink);
    for (const [at, share] of covered.entries()) {
      if (share === 0) continue;
      const place = 3 * ((top + Math.floor(at / columns)) * this.width + left + (at % columns));
      for (let channel = 0; channel < 3; channel++) {
        const before = this.pixels[place + channel]!;
        this.pixels[place + channel] = Math.round(before + share * (color[channel]! - before));
      }
    }
  }
}

/** How much of each pixel of a part of the canvas is covered, 0 to 1. */
interface Area {
  left: number;
  top: number;
  columns: number;
  rows: number;
  covered: Float32Array;
}

function cover(
  { left, top, columns, rows, covered }: Area,
  [ax, ay]: readonly [number, number],
  [bx, by]: readonly [number, number],
  half: number,
): void {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const reach = half + 1;
  for (let row = clamp(Math.floor(Math.min(ay, by) - reach - top), rows); row < rows; row++) {
    const y = top + row + 0.5;
    if (y > Math.max(ay, by) + reach) break;
    for (let column = clamp(Math.floor(Math.min(ax, bx) - reach - left), columns); column < columns; column++) {
      const x = left + column + 0.5;
      if (x > Math.max(ax, bx) + reach) break;
      const along = length === 0 ? 0 : Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length));
      const share = half + 0.5 - Math.hypot(x - ax - along * dx, y - ay - along * dy);
      const at = row * columns + column;
      if (share > covered[at]!) covered[at] = Math.min(1, share);
    }
  }
}

function clamp(value: number, most: number): number {
  return Math.max(0, Math.min(most, value));
}

function rgbOf(ink: Ink): [number, number, number] {
  const hex = ink.startsWith("#") ? ink : COLORS[ink as keyof typeof COLORS];
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as [number, number, number];
}
