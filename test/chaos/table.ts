/** What was noticed how soon, by kind of injection. Pure. */
import { KIND_NAMES, type Kind } from "./kinds.js";
import type { Row } from "./play.js";

const COLUMNS = ["kind", "made", "noticed", "as", "median s", "longest s", "other bits or failed"] as const;

export function detectionTable(rows: readonly { kind: Kind; row: Row }[]): string {
  const lines = KIND_NAMES.flatMap((kind) => {
    const made = rows.filter((each) => each.kind === kind).map(({ row }) => row);
    return made.length === 0 ? [] : [lineOf(kind, made)];
  });
  const table = [[...COLUMNS], ...lines];
  const widths = COLUMNS.map((_, column) => Math.max(...table.map((cells) => cells[column]!.length)));
  return table
    .map((cells) =>
      cells
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

function lineOf(kind: Kind, made: readonly Row[]): string[] {
  const detections = made.flatMap(({ detection }) => (detection ? [detection] : []));
  const seconds = detections.map((each) => each.seconds).sort((a, b) => a - b);
  const ways = [...new Set(detections.map((each) => each.as))].sort();
  const failed = made.filter(({ problems }) => problems.length > 0).length;
  return [
    kind,
    `${made.length}`,
    `${detections.length}`,
    ways.join(", "),
    seconds.length === 0 ? "" : seconds[seconds.length >> 1]!.toFixed(2),
    seconds.length === 0 ? "" : seconds.at(-1)!.toFixed(2),
    `${failed}`,
  ];
}
