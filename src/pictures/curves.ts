/** Loss and accuracy over steps. Pure. */
import { count, percent } from "../format.js";
import { type Drawing, GAP, type Ink, type Mark, SIZE, sheet, text, widthOf } from "./drawing.js";
import { type Body, stacked } from "./grid.js";

export interface CurvePoint {
  step: number;
  value: number;
}
export interface Curves {
  /** Of a run. */
  of: string;
  loss: { train: readonly CurvePoint[]; test: readonly CurvePoint[] };
  accuracy: { train: readonly CurvePoint[]; test: readonly CurvePoint[] };
  /** The step of the best evaluation; null: never evaluated. */
  best: number | null;
}

const WIDE = 800;
const TALL = 240;
const AXIS = 64;
/** Points of a curve that are drawn: of more, each is the mean of some. */
const POINTS = 400;

export function curvesDrawing({ of, loss, accuracy, best }: Curves): Drawing {
  const steps = [...loss.train, ...loss.test].reduce((most, { step }) => Math.max(most, step), 1);
  const panels = [
    panel("loss", loss, steps, best, (value) => number(value)),
    panel("accuracy", accuracy, steps, best, (value) => percent(value).replace(".00", "")),
  ];
  return sheet({ title: "Training", notes: [of] }, stacked(panels, 2 * GAP));
}

function panel(
  name: string,
  { train, test }: Curves["loss"],
  steps: number,
  best: number | null,
  words: (value: number) => string,
): Body {
  const drawn = thinned(train);
  const values = [...drawn, ...test].map(({ value }) => value).filter(Number.isFinite);
  if (values.length === 0)
    return { width: WIDE, height: 20, marks: [text(0, 14, `${name}: no step was done yet`, { ink: "muted" })] };
  const ticks = ticksOf(Math.min(...values), Math.max(...values));
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  const x = (step: number) => AXIS + ((WIDE - AXIS) * step) / steps;
  const y = (value: number) => 24 + TALL * (1 - (value - low) / (high - low));
  const chain = (points: readonly CurvePoint[]) =>
    points.filter(({ value }) => Number.isFinite(value)).map(({ step, value }) => [x(step), y(value)] as const);
  const marks: Mark[] = ticks.flatMap((tick): Mark[] => [
    {
      kind: "line",
      points: [
        [AXIS, y(tick)],
        [WIDE, y(tick)],
      ],
      width: 1,
      ink: "line",
    },
    text(AXIS - 8, y(tick) + 4, words(tick), { size: SIZE.small, ink: "muted", align: "right" }),
  ]);
  for (const step of stepTicks(steps))
    marks.push(
      text(x(step), 24 + TALL + 18, count(step), {
        size: SIZE.small,
        ink: "muted",
        align: step === 0 ? "left" : step === steps ? "right" : "middle",
      }),
    );
  const lines: readonly [readonly CurvePoint[], Ink, number][] = [
    [drawn, "first", 1.5],
    [test, "second", 2],
  ];
  for (const [points, ink, width] of lines)
    if (points.length > 0) marks.push({ kind: "line", points: chain(points), width, ink });
  for (const { step, value } of test) {
    const side = step === best ? 9 : 5;
    if (Number.isFinite(value))
      marks.push({
        kind: "box",
        x: x(step) - side / 2,
        y: y(value) - side / 2,
        width: side,
        height: side,
        fill: "second",
      });
  }
  return { width: WIDE, height: TALL + 48, marks: [...legend(name, test.length > 0, best), ...marks] };
}

function legend(name: string, tested: boolean, best: number | null): Mark[] {
  const parts: readonly [string, Ink][] = [
    [name, "ink"],
    ["training batch", "first"],
    ...(tested
      ? [[`test set${best === null ? "" : `, best after step ${count(best)}`}`, "second"] as [string, Ink]]
      : []),
  ];
  let x = 0;
  return parts.map(([words, ink]) => {
    const mark = text(x, 12, words, { ink });
    x += widthOf(words, SIZE.text) + 2 * GAP;
    return mark;
  });
}

/** Means of equal stretches. */
function thinned(points: readonly CurvePoint[]): CurvePoint[] {
  const each = Math.ceil(points.length / POINTS);
  if (each <= 1) return [...points];
  return Array.from({ length: Math.ceil(points.length / each) }, (_, at) => {
    const part = points.slice(at * each, (at + 1) * each);
    const mean = part.reduce((sum, { value }) => sum + value, 0) / part.length;
    return { step: part.at(-1)!.step, value: mean };
  });
}

/** Round numbers that enclose the values. */
function ticksOf(low: number, high: number): number[] {
  const range = high - low || Math.abs(high) || 1;
  const rough = range / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((each) => each * power >= rough) ?? 10);
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, at) => (first + at) * step);
}

function stepTicks(steps: number): number[] {
  const inner = ticksOf(0, steps).filter((step) => step > 0 && step < 0.93 * steps && Number.isInteger(step));
  return [0, ...inner, steps];
}

function number(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e5 || size < 1e-3)) return value.toExponential(1);
  return String(Number(value.toPrecision(4)));
}
