/** A picture as data: marks on a sheet, from which raster.ts makes pixels and svg.ts makes SVG. Pure. */
import { advanceOf } from "./font.js";

/** Colours by what they mean, for light and dark sheets; or one of its own. */
export type Ink = "ink" | "muted" | "line" | "good" | "bad" | "first" | "second" | "third" | `#${string}`;

/** RGB, row by row. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

/** Lengths are in the sheet's units, which are a pixel on a screen; the origin is the sheet's upper left corner. */
export type Mark =
  | { kind: "box"; x: number; y: number; width: number; height: number; fill: Ink }
  | { kind: "image"; x: number; y: number; width: number; height: number; image: Raster }
  /** `y` is the baseline. */
  | { kind: "text"; x: number; y: number; text: string; size: number; ink: Ink; align: "left" | "middle" | "right" }
  | { kind: "line"; points: readonly (readonly [x: number, y: number])[]; width: number; ink: Ink };

export interface Drawing {
  /** What it shows, in words. */
  title: string;
  width: number;
  height: number;
  marks: readonly Mark[];
}

export const SIZE = { title: 16, text: 13, small: 11 } as const;
/** Empty space around and between. */
export const GAP = 12;

const NOTE = SIZE.text + 5;

export function text(
  x: number,
  y: number,
  words: string,
  {
    size = SIZE.text,
    ink = "ink",
    align = "left",
  }: { size?: number; ink?: Ink; align?: "left" | "middle" | "right" } = {},
): Mark {
  return { kind: "text", x, y, text: words, size, ink, align };
}

/** As much of the words as fits, with an ellipsis where something is left out. */
export function clipped(words: string, width: number, size: number): string {
  const most = Math.max(1, Math.floor(width / advanceOf(size)));
  const letters = [...words];
  return letters.length <= most ? words : `${letters.slice(0, most - 1).join("")}…`;
}

export function widthOf(words: string, size: number): number {
  return [...words].length * advanceOf(size);
}

/** Title, lines below it, and what comes under them, in one drawing. `body`: marks from y = 0 on. */
export function sheet(
  { title, notes }: { title: string; notes: readonly string[] },
  body: { width: number; height: number; marks: readonly Mark[] },
): Drawing {
  const top = GAP + SIZE.title + notes.length * NOTE + 2 * GAP;
  const wide = Math.max(body.width, widthOf(title, SIZE.title), ...notes.map((note) => widthOf(note, SIZE.text)));
  return {
    title: `${title}: ${notes.join(". ")}`,
    width: Math.ceil(wide + 2 * GAP),
    height: Math.ceil(top + body.height + GAP),
    marks: [
      text(GAP, GAP + SIZE.title, title, { size: SIZE.title }),
      ...notes.map((note, line) => text(GAP, GAP + SIZE.title + 2 + (line + 1) * NOTE, note, { ink: "muted" })),
      ...body.marks.map((mark) => moved(mark, GAP, top)),
    ],
  };
}

export function moved(mark: Mark, right: number, down: number): Mark {
  if (mark.kind === "line") return { ...mark, points: mark.points.map(([x, y]) => [x + right, y + down] as const) };
  return { ...mark, x: mark.x + right, y: mark.y + down };
}
