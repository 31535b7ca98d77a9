/**
 * `npm run kills [-- --count N --seed N]`: kills processes of runs at moments drawn from the seed, and prints for each what
 * was killed, when, and what followed. Fails unless the next start ends in the bits of the undisturbed run and nothing is
 * left: no process, no segment, no socket, no temporary file.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { killAtRandom } from "./kills.js";

const { values } = parseArgs({
  options: { count: { type: "string", default: "200" }, seed: { type: "string", default: "1" } },
});
const [count, seed] = [Number(values.count), Number(values.seed)];
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed) || seed < 0) {
  process.stderr.write("--count takes a number from 1 on, --seed one from 0 on\n");
  process.exit(2);
}
const stopping = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopping.abort(signal));
const dir = mkdtempSync(join(tmpdir(), "cnn-dist-kills-"));
try {
  const options = { count, seed, signal: stopping.signal };
  const failed = await killAtRandom(dir, options, (line) => process.stdout.write(`${line}\n`));
  const cut = stopping.signal.aborted ? `stopped by ${stopping.signal.reason}` : `${count} kills`;
  process.stdout.write(`${cut}, seed ${seed}: ${failed} failed\n`);
  process.exitCode = failed > 0 || stopping.signal.aborted ? 1 : 0;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
