/** Files that are whole or not there at all: written beside their place, and renamed into it. */
import { open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { CnnDistError, messageOf } from "./errors.js";
import { makeFolder } from "./make-folder.js";

export type NewFile = readonly [path: string, pieces: readonly Uint8Array[]];

/**
 * Writes all of the files before the first gets its name, into folders that it makes; a file that is there is replaced, through
 * a link as well, and what is no file (/dev/stdout, a pipe) is written to as it is. Returns their bytes. CnnDistError `output`,
 * which names the first of them: then nothing has changed and nothing is left.
 */
export async function writeWhole(files: readonly NewFile[]): Promise<number> {
  const drafts: { draft: string; place: string }[] = [];
  try {
    let bytes = 0;
    for (const [path, pieces] of files) {
      const place = await realpath(path).catch(() => path);
      const there = await stat(place).catch(() => null);
      const direct = there !== null && !there.isFile();
      const draft = direct ? place : join(dirname(place), `.${basename(place)}.${process.pid}.tmp`);
      if (!direct) {
        makeFolder(dirname(place));
        drafts.push({ draft, place });
      }
      bytes += await write(draft, pieces, { sync: !direct, mode: there?.mode });
    }
    for (const { draft, place } of drafts) await rename(draft, place);
    return bytes;
  } catch (error) {
    for (const { draft } of drafts) await rm(draft, { force: true }).catch(() => {});
    throw new CnnDistError(
      "output",
      `${files[0]?.[0]} cannot be written: ${messageOf(error)}. Give another place by --output.`,
      { cause: error },
    );
  }
}

async function write(
  path: string,
  pieces: readonly Uint8Array[],
  { sync, mode }: { sync: boolean; mode: number | undefined },
): Promise<number> {
  const file = await open(path, "w", mode);
  try {
    for (const piece of pieces) await file.writeFile(piece);
    if (sync) await file.sync();
  } finally {
    await file.close();
  }
  return pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
}
