/** What one image does in a network: maps a layer, and where the network looks. Pure. */
import { heat } from "./colors.js";
import { type Drawing, GAP, type Raster, SIZE, sheet, text } from "./drawing.js";
import { type Body, grid, stacked } from "./grid.js";
import { percentOf } from "./images.js";
import { blended, type ImageShape, photo, resized, stretched } from "./tiles.js";

/** An image, and what it was taken for. */
export interface Looked {
  /** uint8, channels together, as the network takes it. */
  pixels: Uint8Array;
  shape: ImageShape;
  /** Where the image is from, in words. */
  from: string;
  guess: { name: string; probability: number };
}

export interface LayerMaps {
  name: string;
  /** Of the layer's whole output. */
  shape: readonly number[];
  /** The first maps of an image [height, width, shown], or the values of a vector [shown]. */
  shown: number;
  values: Float32Array;
}

const MAP = 56;
/** A vector is a strip: so high, so wide at most, and each value at most so wide. */
const STRIP = 14;
const WIDE = 900;
const MOST = 14;

export function activationsDrawing(image: Looked, layers: readonly LayerMaps[]): Drawing {
  const input: Body = titled(
    `input ${image.shape.join("x")}`,
    grid([{ image: photo(image.pixels, image.shape) }], { columns: 1, side: 112 }),
  );
  return sheet(
    {
      title: "Activations",
      notes: [
        `${image.from}, taken for ${image.guess.name} (${percentOf(image.guess.probability)})`,
        "Each map is scaled to its own range",
      ],
    },
    stacked([input, ...layers.map(layerBody)]),
  );
}

function layerBody({ name, shape, shown, values }: LayerMaps): Body {
  const [height, width, channels] = shape;
  if (height === undefined || width === undefined || channels === undefined) {
    const strip = stretched(values, [1, shown, 1]);
    const some = shown < shape[0]! ? `, the first ${shown}` : "";
    const across = Math.max(1, Math.min(MOST, Math.floor(WIDE / shown))) * shown;
    return titled(`${name} ${shape[0]}${some}`, {
      width: across,
      height: STRIP,
      marks: [
        { kind: "box", x: -1, y: -1, width: across + 2, height: STRIP + 2, fill: "line" },
        { kind: "image", x: 0, y: 0, width: across, height: STRIP, image: strip },
      ],
    });
  }
  const tiles = Array.from({ length: shown }, (_, map) => ({
    image: stretched(
      Float32Array.from({ length: height * width }, (_, at) => values[at * shown + map]!),
      [height, width, 1],
    ),
  }));
  const some = shown < channels ? `, the first ${shown} maps` : "";
  return titled(`${name} ${shape.join("x")}${some}`, grid(tiles, { columns: 16, side: MAP, gap: 4 }));
}

function titled(words: string, body: Body): Body {
  const head = { width: 0, height: SIZE.text, marks: [text(0, SIZE.text, words, { ink: "muted" })] };
  return stacked([head, body], 8);
}

export interface Heat {
  /** Of the layer that was looked at. */
  layer: string;
  height: number;
  width: number;
  /** 0 and above, [height, width]. */
  values: Float32Array;
}

const LARGE = 192;

/** Selvaraju et al. 2017, arXiv:1610.02391: the image, its heat map, and one over the other. */
export function gradcamDrawing(image: Looked, map: Heat): Drawing {
  const [height, width] = image.shape;
  const scale = Math.max(1, Math.floor(LARGE / Math.max(height, width)));
  const shown = resized(photo(image.pixels, image.shape), width * scale, height * scale);
  const hot = heatImage(map, shown);
  const tiles = [
    { image: shown, lines: [{ words: image.from }] },
    { image: hot, lines: [{ words: `for ${image.guess.name}` }] },
    { image: blended(shown, hot), lines: [{ words: percentOf(image.guess.probability) }] },
  ];
  const dark = map.values.every((value) => value === 0);
  const note = dark
    ? `no place speaks for ${image.guess.name} in ${map.layer}: all its weighted maps are zero or below`
    : `what speaks for ${image.guess.name} in ${map.layer}, ${map.height}x${map.width}; light: more`;
  return sheet({ title: "Grad-CAM", notes: [note] }, grid(tiles, { columns: 3, side: LARGE, gap: GAP }));
}

/** Between the map's places linearly, as large as the image. */
function heatImage({ height, width, values }: Heat, { width: columns, height: rows }: Raster): Raster {
  const most = values.reduce((a, b) => Math.max(a, b), 0);
  const pixels = new Uint8Array(3 * rows * columns);
  for (let row = 0; row < rows; row++) {
    const y = between((row + 0.5) * (height / rows) - 0.5, height);
    for (let column = 0; column < columns; column++) {
      const x = between((column + 0.5) * (width / columns) - 0.5, width);
      const of = (down: number, right: number) => values[down * width + right]!;
      const upper = of(y.first, x.first) * (1 - x.share) + of(y.first, x.second) * x.share;
      const lower = of(y.second, x.first) * (1 - x.share) + of(y.second, x.second) * x.share;
      const hex = heat(most === 0 ? 0 : (upper * (1 - y.share) + lower * y.share) / most);
      for (let channel = 0; channel < 3; channel++)
        pixels[3 * (row * columns + column) + channel] = Number.parseInt(
          hex.slice(1 + 2 * channel, 3 + 2 * channel),
          16,
        );
    }
  }
  return { width: columns, height: rows, pixels };
}

function between(place: number, size: number): { first: number; second: number; share: number } {
  const at = Math.max(0, Math.min(size - 1, place));
  const first = Math.floor(at);
  return { first, second: Math.min(size - 1, first + 1), share: at - first };
}
