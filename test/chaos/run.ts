/**
 * `npm run chaos [-- --count N --seed N --only WORDS]`: disturbs runs in every way that test/chaos/kinds.ts names, at moments
 * drawn from the seed, and prints what was done, how soon it was noticed and as what. Fails unless each run, or the next
 * start, ends in the bits of a run that nobody disturbed, and unless only those workers are lost that are to be.
 * `npm run goodput [-- --minutes N --workers N]`: how much of its time a run keeps that loses a worker every 20 seconds.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { injectAtRandom } from "./chaos.js";
import { goodputOf } from "./goodput.js";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "240" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    goodput: { type: "boolean", default: false },
    minutes: { type: "string", default: "10" },
    workers: { type: "string", default: "2" },
  },
});
const number = (name: "count" | "seed" | "minutes" | "workers", least: number): number => {
  const given = Number(values[name]);
  if (Number.isSafeInteger(given) && given >= least) return given;
  process.stderr.write(`--${name} takes a whole number from ${least} on, received ${values[name]}\n`);
  process.exit(2);
};
const [count, seed, minutes, workers] = [
  number("count", 1),
  number("seed", 0),
  number("minutes", 1),
  number("workers", 1),
];
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort(signal));
const dir = mkdtempSync(join(tmpdir(), "cnn-dist-chaos-"));
const print = (line: string) => void process.stdout.write(`${line}\n`);
try {
  const { signal } = stopping;
  if (values.goodput) {
    const { goodput } = await goodputOf(dir, { minutes, workers, signal }, print);
    print(`goodput ${goodput.toFixed(3)}${signal.aborted ? ` (stopped by ${signal.reason})` : ""}`);
    process.exitCode = signal.aborted ? 1 : 0;
  } else {
    const failed = await injectAtRandom(dir, { count, seed, only: values.only ?? null, signal }, print);
    print(`${signal.aborted ? `stopped by ${signal.reason}` : `${count} injections`}, seed ${seed}: ${failed} failed`);
    process.exitCode = failed > 0 || signal.aborted ? 1 : 0;
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
