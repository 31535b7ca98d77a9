/**
 * `npm run strangers [-- --frames N --handshakes N --idle N --seed N]`: a training over TCP while strangers are at its addresses.
 * Prints what the training did meanwhile, the coordinator's memory, and what was refused for which reason. Fails where a step
 * stood still for longer than 50 ms beyond the median of those that nobody disturbed, memory grew by 64 MB, or no step was made.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { strangers, type Watched } from "./strangers.js";

const MEGABYTE = 1e6;
const MOST_HELD_UP_MS = 50;
/** Longer than a connection over TCP may stand without a proof. */
const IDLE_MS = 15_000;
const CALM_MS = 5000;
const MOST_GROWN = 64 * MEGABYTE;

const { values } = parseArgs({
  options: {
    frames: { type: "string", default: "100000" },
    handshakes: { type: "string", default: "10000" },
    idle: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
  },
});
const counts = { frames: Number(values.frames), handshakes: Number(values.handshakes), idle: Number(values.idle) };
const print = (line: string) => process.stdout.write(`${line}\n`);
const dir = mkdtempSync(join(tmpdir(), "cnn-dist-strangers-"));
try {
  const { calm, attacked, rejected, exitCode } = await strangers(
    dir,
    { counts, calmMs: CALM_MS, idleMs: IDLE_MS, seed: Number(values.seed) },
    print,
  );
  const heldUp = ({ outside }: Watched) => outside.longest - calm.outside.median;
  const grown = ({ rssBytes }: Watched) => rssBytes - calm.rssBytes;
  for (const each of [calm, ...attacked])
    print(
      `${each.what.padEnd(20)} ${each.seconds.toFixed(1).padStart(6)} s, ${String(each.steps).padStart(6)} steps; outside of computing ${each.outside.median.toFixed(1)} ms, at most ${each.outside.longest.toFixed(1)}; ${(each.rssBytes / MEGABYTE).toFixed(0)} MB`,
    );
  for (const [reason, count] of Object.entries(rejected))
    print(`${reason.padEnd(20)} ${String(count).padStart(6)} refused`);
  const failures = [
    ...attacked.filter(({ steps }) => steps === 0).map(({ what }) => `${what}: no step was made`),
    ...attacked
      .filter((each) => heldUp(each) > MOST_HELD_UP_MS)
      .map((each) => `${each.what}: a step was held up by ${heldUp(each).toFixed(0)} ms`),
    ...attacked
      .filter((each) => grown(each) > MOST_GROWN)
      .map((each) => `${each.what}: memory grew by ${(grown(each) / MEGABYTE).toFixed(0)} MB`),
    ...(exitCode === 75 ? [] : [`the coordinator ended with ${exitCode}`]),
  ];
  for (const failure of failures) print(failure);
  process.exitCode = failures.length > 0 ? 1 : 0;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
