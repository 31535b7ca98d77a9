import { program } from "../sitting.js";
import { digits, median, printTable } from "../table.js";

const MEGABYTES = 40;
const ROUNDS = 60;

export async function frames(): Promise<void> {
  const rates = JSON.parse(await program("frames.js", MEGABYTES, ROUNDS)) as { in: number[]; out: number[] };
  const cell = (values: readonly number[]) =>
    `${digits(median(values))} (${digits(Math.min(...values))} to ${digits(Math.max(...values))})`;
  printTable("Frames over TCP on loopback, 4 MB each, two processes, unencrypted, GB a second", [
    ["gradients, worker to coordinator", "weights, coordinator to worker"],
    [cell(rates.in), cell(rates.out)],
  ]);
}
