/** Images with what they show and what they were taken for. Pure. */
import { count, percent } from "../format.js";
import { type Drawing, sheet } from "./drawing.js";
import { grid, type Tile } from "./grid.js";
import { type ImageShape, photo } from "./tiles.js";

export interface Judged {
  /** uint8, channels together. */
  pixels: Uint8Array;
  /** What it shows. */
  label: number;
  /** Most probable first. */
  guesses: readonly { label: number; probability: number }[];
}

export interface Gallery {
  shape: ImageShape;
  classNames: readonly string[];
  /** Of which images there were, in words: "60 test images". */
  of: string;
}

const COLUMNS = 6;
const SIDE = 96;
const WIDE = 150;

export function samplesDrawing(images: readonly Judged[], { shape, classNames, of }: Gallery): Drawing {
  const tiles = images.map(({ pixels, label, guesses }): Tile => {
    const [best] = guesses;
    return {
      image: photo(pixels, shape),
      lines: [
        { words: classNames[label]! },
        ...guesses.map((guess) => ({
          words: `${percentOf(guess.probability)} ${classNames[guess.label]}`,
          ink: guess === best ? (guess.label === label ? ("good" as const) : ("bad" as const)) : ("muted" as const),
        })),
      ],
    };
  });
  const right = images.filter(({ label, guesses }) => guesses[0]?.label === label).length;
  const notes = [
    `${count(images.length)} of ${of}, evenly spaced; ${count(right)} right`,
    "What each shows, then the most probable classes",
  ];
  return sheet({ title: "Sample images", notes }, grid(tiles, { columns: COLUMNS, side: SIDE, wide: WIDE }));
}

/** `wrong`: how many images were taken for another class; `mistakes`: those of the highest probability. */
export function mistakesDrawing(
  mistakes: readonly Judged[],
  { shape, classNames, of }: Gallery,
  { wrong, images }: { wrong: number; images: number },
): Drawing {
  const tiles = mistakes.map(
    ({ pixels, label, guesses }): Tile => ({
      image: photo(pixels, shape),
      lines: [
        { words: `${percentOf(guesses[0]!.probability)} ${classNames[guesses[0]!.label]}`, ink: "bad" },
        { words: `is ${classNames[label]}` },
      ],
    }),
  );
  const note =
    wrong === 0
      ? `none: all of ${of} are right`
      : `${count(wrong)} of ${of} are wrong (${percent(wrong / images)}); these by the highest probability`;
  return sheet(
    { title: "Most confident mistakes", notes: [note] },
    grid(tiles, { columns: COLUMNS, side: SIDE, wide: WIDE }),
  );
}

/** Short, and never 100% or 0% for what is not. */
export function percentOf(probability: number): string {
  const whole = 100 * probability;
  if (whole >= 99.95 && probability < 1) return ">99.9%";
  if (whole < 0.05 && probability > 0) return "<0.1%";
  return `${whole.toFixed(1)}%`;
}
