/** Medians, ratios and plain tables. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function printTable(title: string, rows: readonly (readonly string[])[]): void {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  process.stdout.write(`\n${title}\n`);
  for (const row of rows)
    process.stdout.write(`  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}\n`);
}

/** Runs each in turn, several rounds, so that a machine that changes its speed changes it for all. */
export async function alternate<K extends string>(
  rounds: number,
  runs: Readonly<Record<K, () => Promise<number>>>,
): Promise<Record<K, number[]>> {
  const results = Object.fromEntries(Object.keys(runs).map((name) => [name, []])) as unknown as Record<K, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(runs) as K[]) results[name].push(await runs[name]());
  }
  return results;
}

export const ratio = (a: readonly number[], b: readonly number[]): string =>
  `${(median(a) / median(b)).toFixed(2)} (pairs ${Math.min(...a.map((value, index) => value / b[index]!)).toFixed(2)} to ${Math.max(...a.map((value, index) => value / b[index]!)).toFixed(2)})`;
