import { program } from "../sitting.js";
import { digits, median, printTable } from "../table.js";

const MEGABYTES = 40;
const ROUNDS = 60;

export async function frames(): Promise<void> {
  const rows: string[][] = [];
  for (const [security, words] of [
    ["plain", "without encryption"],
    ["keys", "with keys (CURVE)"],
    ["sealed", "AES-256-GCM by node:crypto, in the main threads"],
  ] as const) {
    const rates = JSON.parse(await program("frames.js", MEGABYTES, ROUNDS, security)) as {
      in: number[];
      out: number[];
      cpuSeconds: number;
    };
    rows.push([
      words,
      cellOf(rates.in),
      cellOf(rates.out),
      digits(rates.cpuSeconds / ((2 * ROUNDS * MEGABYTES) / 1000)),
    ]);
  }
  printTable("Frames over TCP on loopback, 4 MB each, two processes, GB a second", [
    ["", "gradients, worker to coordinator", "weights, coordinator to worker", "CPU seconds of the coordinator a GB"],
    ...rows,
  ]);
}

function cellOf(values: readonly number[]): string {
  return `${digits(median(values))} (${digits(Math.min(...values))} to ${digits(Math.max(...values))})`;
}
