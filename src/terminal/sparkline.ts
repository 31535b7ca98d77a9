/** A curve as one line of characters, over all of its steps. Pure. */

/** Means of so many values each, oldest first; the last one may be of fewer. */
export interface Curve {
  means: readonly number[];
  each: number;
  /** Values in the last mean. */
  inLast: number;
}

export const NO_CURVE: Curve = { means: [], each: 1, inLast: 0 };

/** Beyond so many means, each two become one. */
const MOST = 64;
const LEVELS = "▁▂▃▄▅▆▇█";

export function appended({ means, each, inLast }: Curve, value: number): Curve {
  const last = means.at(-1);
  if (last !== undefined && inLast < each)
    return { means: [...means.slice(0, -1), last + (value - last) / (inLast + 1)], each, inLast: inLast + 1 };
  if (means.length < MOST) return { means: [...means, value], each, inLast: 1 };
  const halved = Array.from({ length: MOST / 2 }, (_, index) => (means[2 * index]! + means[2 * index + 1]!) / 2);
  return { means: [...halved, value], each: 2 * each, inLast: 1 };
}

/** From the lowest to the highest of its values, in at most `width` characters; "" for fewer than two values. */
export function sparkline({ means }: Curve, width: number): string {
  const shown = squeezed(
    means.filter((mean) => Number.isFinite(mean)),
    width,
  );
  if (shown.length < 2) return "";
  const low = Math.min(...shown);
  const span = Math.max(...shown) - low;
  return shown
    .map((value) => LEVELS[span === 0 ? 0 : Math.round(((value - low) / span) * (LEVELS.length - 1))]!)
    .join("");
}

function squeezed(values: readonly number[], width: number): readonly number[] {
  if (values.length <= width) return values;
  return Array.from({ length: width }, (_, column) => {
    const part = values.slice(
      Math.floor((column * values.length) / width),
      Math.floor(((column + 1) * values.length) / width),
    );
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}
