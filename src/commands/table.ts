/** Text tables for commands. */

/** Columns two spaces apart, a header line first, no spaces at the ends of lines. */
export function columns(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly ("left" | "right")[],
): string {
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

/** 1234567 as 1,234,567. */
export function grouped(count: number): string {
  return count.toLocaleString("en");
}

/** Bytes in the largest binary unit that leaves at least 1: "3.5 MiB". */
export function binaryBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** 0.12345 as 12.35%. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}
