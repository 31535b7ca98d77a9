/**
 * `npm test [-- WORD …]`: runs the compiled tests whose path holds one of the words, two files at a time (a file that starts real
 * processes waits for much), but for one that needs the machine. Files share no port, no folder and no process. Without a word, all
 * but those of folders that need more of the machine than Node and Python. A skipped test is a failure. Ends in the slowest files
 * and 'N passed, N failed'.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath } from "node:url";

/** What runs note about their user stays out of the tester's own home. */
process.env.XDG_STATE_HOME = mkdtempSync(join(tmpdir(), "cnn-dist-state-"));

/** Folders with scripts of their own: `npm run test:hosts` (root, Slurm, Ray), `test:browser` (Chromium) and `test:mlflow`. */
const APART = ["hosts/", "browser/", "mlflow/", "long/"];

/** Measures how fast processes are against each other: what runs beside it would slow some of them down as well. */
const ALONE = "hosts/held-back.test.js";

/** Files that are named at the end. */
const SLOWEST = 12;

const root = fileURLToPath(new URL(".", import.meta.url));
const words = process.argv.slice(2);
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.js"))
  .filter((file) =>
    words.length === 0 ? !APART.some((folder) => file.startsWith(folder)) : words.some((word) => file.includes(word)),
  )
  .sort();
const totals = { passed: 0, failed: 0, skipped: 0 };

/** Of a file's tests, added up: what starts and ends it is not in it. */
const millisecondsOf = new Map<string, number>();

async function runAll(paths: string[]): Promise<void> {
  if (paths.length === 0) return;
  const stream = run({ files: paths.map((path) => `${root}${path}`), concurrency: 2, timeout: 600_000 });
  const note = ({ file, nesting, details }: { file?: string; nesting: number; details: { duration_ms: number } }) => {
    if (file === undefined || nesting > 0) return;
    const path = relative(root, file);
    millisecondsOf.set(path, (millisecondsOf.get(path) ?? 0) + details.duration_ms);
  };
  stream.on("test:pass", (data) => {
    note(data);
    if (data.details.type === "suite") return;
    if (data.skip !== undefined || data.todo !== undefined) totals.skipped++;
    else totals.passed++;
  });
  stream.on("test:fail", (data) => {
    note(data);
    if (data.details.type !== "suite") totals.failed++;
  });
  const reporter = new spec();
  reporter.pipe(process.stdout, { end: false });
  for await (const event of stream) reporter.write(event);
  await new Promise<void>((resolve) => reporter.end(resolve));
}

// Unit tests first: what is wrong shows sooner.
const isUnit = (file: string) => file.startsWith("unit/");
await runAll(files.filter(isUnit));
const isAlone = (file: string) => file.endsWith(ALONE);
await runAll(files.filter((file) => !isUnit(file) && !isAlone(file)));
await runAll(files.filter(isAlone));

const slowest = [...millisecondsOf].sort(([, a], [, b]) => b - a).slice(0, SLOWEST);
process.stdout.write(`\n${slowest.map(([path, ms]) => `${(ms / 1000).toFixed(1).padStart(6)} s  ${path}\n`).join("")}`);
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
rmSync(process.env.XDG_STATE_HOME, { recursive: true, force: true });
process.exit(totals.failed > 0 || totals.skipped > 0 || totals.passed === 0 ? 1 : 0);
