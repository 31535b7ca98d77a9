/** First-layer filters as Krizhevsky et al. 2012 print them (figure 3): each scaled to its own range, in a grid. Pure. */
import { plural } from "../format.js";
import { type Drawing, type Raster, sheet } from "./drawing.js";
import { grid } from "./grid.js";
import { stretched } from "./tiles.js";

export interface Kernel {
  /** Of the layer. */
  name: string;
  /** Height, width, channels that a filter sees, filters: TensorFlow's order. */
  shape: readonly [height: number, width: number, channels: number, filters: number];
  values: Float32Array;
}

/** Filters that are drawn; of more, the first. */
const MOST = 256;
const SIDE = 44;

export function filtersDrawing({ name, shape, values }: Kernel): Drawing {
  const [height, width, channels, filters] = shape;
  const shown = Math.min(filters, MOST);
  const tiles = Array.from({ length: shown }, (_, filter) => ({ image: filterImage(values, shape, filter) }));
  const sides =
    channels === 1 || channels === 3
      ? `${height}x${width}x${channels}`
      : `${height}x${width}, its ${channels} channels side by side`;
  const first = shown < filters ? `the first ${shown} of ${filters} filters` : plural(filters, "filter");
  return sheet(
    { title: "First-layer filters", notes: [`${name}: ${first} of ${sides}, each scaled to its own range`] },
    grid(tiles, { columns: Math.min(16, Math.ceil(Math.sqrt(2 * shown))), side: SIDE, gap: 4 }),
  );
}

/** Three channels are red, green and blue; of any other number each is gray, one beside the other, with one range for all. */
function filterImage(
  values: Float32Array,
  [height, width, channels, filters]: Kernel["shape"],
  filter: number,
): Raster {
  const of = (row: number, column: number, channel: number) =>
    values[((row * width + column) * channels + channel) * filters + filter]!;
  if (channels === 3) {
    const own = Float32Array.from({ length: height * width * 3 }, (_, at) =>
      of(Math.floor(at / 3 / width), Math.floor(at / 3) % width, at % 3),
    );
    return stretched(own, [height, width, 3]);
  }
  const wide = width * channels;
  const own = Float32Array.from({ length: height * wide }, (_, at) => {
    const column = at % wide;
    return of(Math.floor(at / wide), column % width, Math.floor(column / width));
  });
  return stretched(own, [height, wide, 1]);
}
