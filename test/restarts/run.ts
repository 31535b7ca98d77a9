/**
 * `npm run restarts [-- --count N --seed N]`: kills the coordinator of a run over TCP by SIGKILL so often, at moments drawn from
 * the seed, and starts it again by the same words; prints of each death how soon the workers noticed, how soon the next
 * coordinator trained, and what was lost. Fails unless the run ends in the bits of one that nobody disturbed, with the
 * processes of workers that it began with.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { killCoordinators } from "./restarts.js";

const { values } = parseArgs({
  options: { count: { type: "string", default: "10" }, seed: { type: "string", default: "1" } },
});
const [count, seed] = [Number(values.count), Number(values.seed)];
if (!Number.isSafeInteger(count) || count < 1 || !Number.isSafeInteger(seed) || seed < 0) {
  process.stderr.write("--count takes a number from 1 on, --seed one from 0 on\n");
  process.exit(2);
}
const dir = mkdtempSync(join(tmpdir(), "cnn-dist-restarts-"));
try {
  const problems = await killCoordinators(dir, { count, seed }, (row) => {
    process.stdout.write(`| ${row.join(" | ")} |\n`);
    if (row[0] === "death") process.stdout.write(`|${" --- |".repeat(row.length)}\n`);
  });
  process.stdout.write(
    `\n${count} deaths of the coordinator, seed ${seed}: ${problems.join("; ") || "the same bits"}\n`,
  );
  process.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  rmSync(dir, { recursive: true, force: true });
}
