/**
 * `npm test [-- WORD …]`: runs the compiled tests whose path holds one of the words (all without one), unit tests side
 * by side, integration and golden tests one after the other. A skipped test is a failure. Ends in 'N passed, N failed'.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

/** What runs note about their user stays out of the tester's own home. */
process.env.XDG_STATE_HOME = mkdtempSync(join(tmpdir(), "cnn-dist-state-"));

const root = fileURLToPath(new URL(".", import.meta.url));
const words = process.argv.slice(2);
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.js"))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  .sort();
const totals = { passed: 0, failed: 0, skipped: 0 };

async function runAll(paths: string[], concurrency: number): Promise<void> {
  if (paths.length === 0) return;
  const stream = run({ files: paths.map((path) => `${root}${path}`), concurrency, timeout: 600_000 });
  stream.on("test:pass", (data) => {
    if (data.details.type === "suite") return;
    if (data.skip !== undefined || data.todo !== undefined) totals.skipped++;
    else totals.passed++;
  });
  stream.on("test:fail", (data) => {
    if (data.details.type !== "suite") totals.failed++;
  });
  const reporter = new spec();
  reporter.pipe(process.stdout, { end: false });
  for await (const event of stream) reporter.write(event);
  await new Promise<void>((resolve) => reporter.end(resolve));
}

const isUnit = (file: string) => file.startsWith("unit/");
await runAll(files.filter(isUnit), 2);
await runAll(
  files.filter((file) => !isUnit(file)),
  1,
);

process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
rmSync(process.env.XDG_STATE_HOME, { recursive: true, force: true });
process.exit(totals.failed > 0 || totals.skipped > 0 || totals.passed === 0 ? 1 : 0);
