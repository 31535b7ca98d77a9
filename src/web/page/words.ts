/** Values as the page writes them. Pure. */

/** Four digits, without noughts at the end. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (value === 0 || (size >= 0.001 && size < 100_000)) return String(Number(value.toPrecision(4)));
  return value.toExponential(2).replace("e+", "e");
}

/** 0.4 ms, 12 ms, 1.20 s */
export function seconds(value: number): string {
  if (value === 0) return "0";
  if (value < 0.01) return `${Number((value * 1000).toPrecision(2))} ms`;
  return value < 1 ? `${Math.round(value * 1000)} ms` : `${value.toFixed(value < 10 ? 2 : 1)} s`;
}

/** Of today: the hour; of another day: the day as well. `time`: Unix, seconds. */
export function clock(time: number | null, now: Date): string {
  if (time === null) return "";
  const date = new Date(time * 1000);
  const hour = date.toLocaleTimeString("en-GB");
  return date.toDateString() === now.toDateString() ? hour : `${date.toLocaleDateString("sv-SE")} ${hour.slice(0, 5)}`;
}
