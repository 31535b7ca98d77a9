/** Steps in a row as one event, with what a page keeps of them: a fast run makes hundreds a second, and a page is told once. Pure. */
import { addPoint, emptyCurves } from "./curves.js";
import { type Entry, isRoutine } from "./page-event.js";
import { keepRecent, type PageStep, pointOf, recentOf, type StepsEvent, secondsOf } from "./steps.js";

/**
 * A row begins after a step that stays as it is, since what a loss cost is seen from the first step after it, and ends before news.
 * `stride`: of the curves that they are added to, after them.
 */
export function together(entries: readonly Entry[], stride: number): Entry[] {
  const told: Entry[] = [];
  let row: StepsEvent | null = null;
  let before: number | null = null;
  for (const entry of entries) {
    const [time, event] = entry;
    if (event.event === "step" && event.step - 1 === before) {
      if (row === null) {
        row = { event: "steps", curves: { ...emptyCurves(), stride }, recent: [], last: event };
        told.push([time, row]);
      }
      add(row, event);
    } else {
      if (!isRoutine(event) || event.event === "step") row = null;
      told.push(entry);
    }
    if (!isRoutine(event)) before = null;
    if (event.event === "step") before = event.step;
  }
  return told;
}

function add(row: StepsEvent, step: PageStep): void {
  addPoint(row.curves, pointOf(step, (row.curves.seconds.at(-1) ?? 0) + secondsOf(step)));
  keepRecent(row.recent, recentOf(step));
  row.last = step;
}
