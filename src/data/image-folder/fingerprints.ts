/** SHA-256 and soundness of many files; what was found is kept, and holds as long as size and time of a file stay. */
import { createHash } from "node:crypto";
import type { Stats } from "node:fs";
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, UsageError } from "../../errors.js";
import { makeFolder } from "../../make-folder.js";
import type { LoadOptions } from "../dataset.js";
import { inspectImage, MAX_FILE_BYTES } from "../image-file/inspect.js";
import { inParallel } from "../in-parallel.js";

export interface Fingerprint {
  sha256: string;
  /** What is wrong with it, or null. */
  fault: string | null;
  /** Height * width; 0 where something is wrong. */
  pixels: number;
}

/** Files that are read in parallel. */
const LANES = 8;

type Kept = Fingerprint & { size: number; mtimeMs: number };
type Known = Map<string, Kept>;

/** First line of what is kept. A new number when files are inspected in another way: what was found before counts no more. */
const VERSION = JSON.stringify({ version: 2 });

/**
 * One for each path (relative to `dir`), in order. `remembered`: a file of the cache. A file that is not there (any more), or
 * is no file, has a fault; UsageError `data-unreadable` for one that cannot be read.
 */
export async function fingerprintsOf(
  dir: string,
  paths: readonly string[],
  remembered: string,
  { signal, onProgress }: Pick<LoadOptions, "signal" | "onProgress">,
): Promise<Fingerprint[]> {
  const known = await recall(remembered);
  const found: Fingerprint[] = [];
  const next: Known = new Map();
  let [read, done] = [0, 0];
  await inParallel(paths.length, LANES, async (index) => {
    signal?.throwIfAborted();
    const path = paths[index]!;
    const file = join(dir, path);
    try {
      const stats = await stat(file);
      const { size, mtimeMs } = stats;
      const old = known.get(path);
      const fresh = old?.size === size && old.mtimeMs === mtimeMs ? old : await fingerprint(file, stats);
      if (fresh !== old) read++;
      const { sha256, fault, pixels } = fresh;
      found[index] = { sha256, fault, pixels };
      next.set(path, { sha256, fault, pixels, size, mtimeMs });
    } catch (error) {
      if (isGone(error)) {
        found[index] = faulty(GONE[error.code]);
        return;
      }
      throw new UsageError("data-unreadable", `${file} cannot be read: ${messageOf(error)}. Check its permissions.`, {
        cause: error,
      });
    }
    if (++done % 256 === 0 || done === paths.length)
      onProgress?.({ what: "checking images", received: done, total: paths.length, unit: "files" });
  });
  if (read > 0 || known.size !== next.size) await remember(remembered, next);
  return found;
}

async function fingerprint(file: string, stats: Stats): Promise<Fingerprint> {
  if (!stats.isFile()) return faulty("it is not a file"); // to read a pipe would wait for ever
  if (stats.size > MAX_FILE_BYTES) return faulty(`it has ${stats.size} bytes, more than ${MAX_FILE_BYTES}`);
  const bytes = await readFile(file);
  const inspected = inspectImage(bytes);
  if (inspected.fault !== null) return faulty(inspected.fault);
  return { ...inspected, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** Without a sum: it is left out of the data set. */
function faulty(fault: string): Fingerprint {
  return { fault, pixels: 0, sha256: "" };
}

const GONE = {
  ENOENT: "it does not exist (any more), or is a link to nothing",
  ELOOP: "it is a link that leads to itself",
} as const;

function isGone(error: unknown): error is Error & { code: keyof typeof GONE } {
  return error instanceof Error && "code" in error && Object.hasOwn(GONE, String(error.code));
}

/** A line a file, as JSON. What cannot be read is worked out again. */
async function recall(path: string): Promise<Known> {
  const known: Known = new Map();
  const [version, ...lines] = (await readFile(path, "utf8").catch(() => "")).split("\n");
  if (version !== VERSION) return known;
  for (const line of lines) {
    if (line === "") continue;
    try {
      const [name, { size, mtimeMs, sha256, fault, pixels }] = JSON.parse(line) as [string, Kept];
      known.set(name, { size, mtimeMs, sha256, fault, pixels });
    } catch {
      return new Map();
    }
  }
  return known;
}

/** Written beside it and renamed: another process sees the old one or the new one. Without a cache, the next run reads anew. */
async function remember(path: string, known: Known): Promise<void> {
  const lines = [VERSION, ...[...known].map((entry) => JSON.stringify(entry))];
  const part = `${path}.${process.pid}`;
  try {
    makeFolder(dirname(path));
    await writeFile(part, `${lines.join("\n")}\n`);
    await rename(part, path);
  } catch {
    await rm(part, { force: true }).catch(() => {});
  }
}
