/**
 * `npm run checkpoints [-- --kills N --flips N --resumes N --seed N]`: what checkpoints survive. The writer is killed by SIGKILL at
 * any moment of a checkpoint; files are cut short, every byte of small ones, and have a bit turned; a run is interrupted and
 * gone on with. Fails unless a valid checkpoint always loads, a damaged one never does, and the run ends in the bits of one
 * that nobody disturbed.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { damageFiles } from "./damage.js";
import { killWriters } from "./kills.js";
import { resumeOften } from "./resumes.js";

const number = (value: string) => ({ type: "string", default: value }) as const;
const { values } = parseArgs({
  options: { kills: number("1000"), flips: number("10000"), resumes: number("50"), seed: number("1") },
});
const [kills, flips, resumes, seed] = [values.kills, values.flips, values.resumes, values.seed].map(Number) as [
  number,
  number,
  number,
  number,
];
if (![kills, flips, resumes, seed].every((each) => Number.isSafeInteger(each) && each >= 0)) {
  process.stderr.write("--kills, --flips, --resumes and --seed take numbers from 0 on\n");
  process.exit(2);
}
const dir = mkdtempSync(join(tmpdir(), "cnn-dist-checkpoints-"));
const folder = (name: string) => {
  mkdirSync(join(dir, name));
  return join(dir, name);
};
const say = (text: string) => process.stdout.write(`${text}\n`);
const problems: string[] = [];
try {
  if (kills > 0) {
    const killed = await killWriters(folder("kills"), { count: kills, seed });
    problems.push(...killed.problems);
    for (const [moment, times] of [...killed.moments].sort(([a], [b]) => (a < b ? -1 : 1)))
      say(`${String(times).padStart(5)}  ${moment}`);
    say(`${kills} writers killed: ${killed.problems.length} times something was wrong\n`);
  }
  if (flips > 0) {
    const damaged = await damageFiles(folder("damage"), { sizes: ["small", "large"], cuts: 200, flips, seed });
    problems.push(...damaged.problems);
    const { truncations, loaded } = damaged;
    say(
      `${truncations} truncations and ${damaged.flips} bits turned: ${loaded} loaded as before, the others were refused`,
    );
    say(`by the name of a file; ${damaged.problems.length} times something was wrong\n`);
  }
  if (resumes > 0) {
    const { from, midEpoch, problems: wrong } = await resumeOften(folder("resumes"), { count: resumes, seed });
    problems.push(...wrong);
    say(`gone on with ${from.length} times, ${midEpoch} in the middle of an epoch, from steps ${from.join(", ")}`);
    say(wrong.length === 0 ? "the same bits" : "something was wrong");
  }
  for (const problem of problems) say(`FAILED: ${problem}`);
  process.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
