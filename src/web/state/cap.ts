/** How high a picture of durations is: one step that waited for a disk must not flatten all others. Pure. */

const MOST_OF = 0.98;
const ROOM = 1.25;

/** The greatest value, or less where only a few in a hundred lie above; never 0. */
export function capOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const most = sorted.at(-1) ?? 0;
  const usual = sorted[Math.floor(MOST_OF * (sorted.length - 1))] ?? 0;
  return Math.min(most, ROOM * usual) || most || 1;
}
