/** SHA-256 and soundness of many files; what was found is kept, and holds as long as size and time of a file stay. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, UsageError } from "../../errors.js";
import type { LoadOptions } from "../dataset.js";
import { inParallel } from "../in-parallel.js";
import { imageFault } from "./inspect.js";

export interface Fingerprint {
  sha256: string;
  /** What is wrong with it, or null. */
  fault: string | null;
}

/** Files that are read at once. */
const LANES = 8;

type Known = Map<string, Fingerprint & { size: number; mtimeMs: number }>;

/**
 * One for each path (relative to `dir`), in order. `remembered`: a file of the cache. UsageError `data-unreadable` for a file
 * that cannot be read.
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
      const { size, mtimeMs } = await stat(file);
      const old = known.get(path);
      const fresh = old?.size === size && old.mtimeMs === mtimeMs ? old : await fingerprint(file);
      if (fresh !== old) read++;
      found[index] = { sha256: fresh.sha256, fault: fresh.fault };
      next.set(path, { ...found[index]!, size, mtimeMs });
    } catch (error) {
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

async function fingerprint(file: string): Promise<Fingerprint> {
  const bytes = await readFile(file);
  return { sha256: createHash("sha256").update(bytes).digest("hex"), fault: imageFault(bytes) };
}

/** A line a file, as JSON. What cannot be read is worked out again. */
async function recall(path: string): Promise<Known> {
  const known: Known = new Map();
  const text = await readFile(path, "utf8").catch(() => "");
  for (const line of text.split("\n")) {
    if (line === "") continue;
    try {
      const [size, mtimeMs, sha256, fault, name] = JSON.parse(line) as [number, number, string, string | null, string];
      known.set(name, { size, mtimeMs, sha256, fault });
    } catch {
      return new Map();
    }
  }
  return known;
}

/** Written beside it and renamed: another process sees the old one or the new one. Without a cache, the next run reads anew. */
async function remember(path: string, known: Known): Promise<void> {
  const lines = [...known].map(([name, { size, mtimeMs, sha256, fault }]) =>
    JSON.stringify([size, mtimeMs, sha256, fault, name]),
  );
  const part = `${path}.${process.pid}`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(part, `${lines.join("\n")}\n`);
    await rename(part, path);
  } catch {
    await rm(part, { force: true }).catch(() => {});
  }
}
