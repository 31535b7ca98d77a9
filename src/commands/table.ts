/** Text tables for commands. */
import { oneLine } from "../format.js";

/** Columns two spaces apart, a header line first, no spaces at the ends of lines. */
export function columns(
  titles: readonly string[],
  texts: readonly (readonly string[])[],
  align: readonly ("left" | "right")[],
): string {
  const header = titles.map(oneLine);
  const rows = texts.map((cells) => cells.map(oneLine));
  const widths = header.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) =>
        align[column] === "right" ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!),
      )
      .join("  ")
      .trimEnd();
  return [header, ...rows].map(line).join("\n");
}
