/**
 * What was read of a folder's runs, kept in the user's cache: a list of a thousand runs is then a thousand looks at their files.
 * Nothing in it is believed of a file that is not as it was (read.ts).
 */
import { createHash } from "node:crypto";
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder } from "../make-folder.js";
import type { ReadFile, Stamp } from "./read.js";

/** Of one run. */
export interface Known {
  recipe: { stamp: Stamp; value: Readonly<Record<string, unknown>> } | null;
  records: ReadFile | null;
}
export type Cache = Map<string, Known>;

/** What is kept has this shape; another version keeps it elsewhere. */
const VERSION = 1;

const fileOf = (dir: string, cacheDir: string) =>
  join(cacheDir, "runs", `${createHash("sha256").update(`${VERSION} ${dir}`).digest("hex").slice(0, 32)}.json`);

/** `dir`: absolute, without links. Empty where there is none, or it cannot be read. */
export function readCache(dir: string, cacheDir: string): Cache {
  try {
    const kept = JSON.parse(readFileSync(fileOf(dir, cacheDir), "utf8")) as {
      version: number;
      runs: [string, Known][];
    };
    return kept.version === VERSION ? new Map(kept.runs) : new Map();
  } catch {
    return new Map();
  }
}

/** A cache that cannot be written is done without. */
export function writeCache(dir: string, cacheDir: string, runs: Cache): void {
  const path = fileOf(dir, cacheDir);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    makeFolder(dirname(path));
    try {
      writeFileSync(temporary, JSON.stringify({ version: VERSION, runs: [...runs] }), { mode: 0o600 });
      renameSync(temporary, path);
    } finally {
      rmSync(temporary, { force: true });
    }
  } catch {
    // the next list takes longer
  }
}
