/** Tiles in rows, each with lines of text below it. Pure. */
import { clipped, GAP, type Ink, type Mark, moved, type Raster, SIZE, text } from "./drawing.js";

export interface Tile {
  image: Raster;
  /** Below the image, the first line the largest. */
  lines?: readonly { words: string; ink?: Ink }[];
}

export interface Body {
  width: number;
  height: number;
  marks: readonly Mark[];
}

const LINE = SIZE.small + 4;

/** `side`: of the longer side of an image; `wide`: of a tile, where its text needs more than its image. */
export function grid(
  tiles: readonly Tile[],
  { columns, side, wide = side, gap = GAP }: { columns: number; side: number; wide?: number; gap?: number },
): Body {
  const lines = tiles.reduce((most, tile) => Math.max(most, tile.lines?.length ?? 0), 0);
  const [first] = tiles;
  if (!first) return { width: 0, height: 0, marks: [] };
  const { width, height } = sizeAt(first.image, side);
  const across = Math.max(width, wide);
  const down = height + (lines === 0 ? 0 : lines * LINE + 4);
  const marks = tiles.flatMap((tile, place): Mark[] => {
    const x = (place % columns) * (across + gap);
    const y = Math.floor(place / columns) * (down + gap);
    return [
      { kind: "image", x, y, ...sizeAt(tile.image, side), image: tile.image },
      ...(tile.lines ?? []).map(({ words, ink = "ink" }, line) =>
        text(x, y + height + (line + 1) * LINE, clipped(words, across, SIZE.small), { size: SIZE.small, ink }),
      ),
    ];
  });
  const used = Math.min(columns, tiles.length);
  const rows = Math.ceil(tiles.length / columns);
  return { width: used * (across + gap) - gap, height: rows * (down + gap) - gap, marks };
}

/** A small image is shown larger by a whole number, so that its pixels stay squares of one size. */
function sizeAt({ width, height }: Raster, side: number): { width: number; height: number } {
  const fit = side / Math.max(width, height);
  const scale = fit >= 1 ? Math.floor(fit) : fit;
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** Bodies one below the other. */
export function stacked(bodies: readonly Body[], gap = GAP): Body {
  let height = 0;
  const marks: Mark[] = [];
  for (const [place, body] of bodies.entries()) {
    if (place > 0) height += gap;
    for (const mark of body.marks) marks.push(moved(mark, 0, height));
    height += body.height;
  }
  return { width: bodies.reduce((most, { width }) => Math.max(most, width), 0), height, marks };
}

export function beside(left: Body, right: Body, gap: number): Body {
  return {
    width: left.width + gap + right.width,
    height: Math.max(left.height, right.height),
    marks: [...left.marks, ...right.marks.map((mark) => moved(mark, left.width + gap, 0))],
  };
}
