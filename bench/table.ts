/** Medians, ratios, and tables in Markdown. */
import { messageOf } from "../src/errors.js";

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export const ms = (values: readonly number[]): string => `${digits(median(values))} ms`;

/** Three digits that count, as people write them. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}

/** Of the medians; in brackets the lowest and the highest ratio of a pair. */
export function ratio(a: readonly number[], b: readonly number[]): string {
  const pairs = a.map((value, index) => value / b[index]!);
  return `${(median(a) / median(b)).toFixed(2)} (${Math.min(...pairs).toFixed(2)} to ${Math.max(...pairs).toFixed(2)})`;
}

/** The first row names the columns. */
export function printTable(title: string, rows: readonly (readonly string[])[]): void {
  const [head, ...body] = rows.map((row) => `| ${row.join(" | ")} |`);
  const rule = `|${" --- |".repeat(rows[0]!.length)}`;
  process.stdout.write(`\n${title}:\n\n${[head, rule, ...body].join("\n")}\n`);
}

export function printLine(text: string): void {
  process.stdout.write(`\n${text}\n`);
}

/** A row of a table; where measuring it fails, a row that says so, and the other rows stand. */
export async function row(
  label: string,
  columns: number,
  measure: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  try {
    return [label, ...(await measure())];
  } catch (error) {
    process.exitCode = 1;
    return [
      label,
      `not measured: ${causeOf(messageOf(error)).replaceAll("|", "/")}`,
      ...new Array<string>(columns - 2).fill(""),
    ];
  }
}

/** The line that tells most: of another program's output, the one that names the error. */
function causeOf(message: string): string {
  const lines = message.trim().split("\n");
  return lines.findLast((line) => /error/i.test(line)) ?? lines.at(-1)!;
}

/** Runs each in turn, several rounds, so that a machine that changes its speed changes it for all. */
export async function alternate<K extends string>(
  rounds: number,
  runs: Readonly<Record<K, (round: number) => Promise<number> | number>>,
): Promise<Record<K, number[]>> {
  const results = Object.fromEntries(Object.keys(runs).map((name) => [name, []])) as unknown as Record<K, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(runs) as K[]) results[name].push(await runs[name](round));
  }
  return results;
}
