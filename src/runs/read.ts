/** A run's records read from where they were read to before, if the file is still the one that was read. */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync, type Stats } from "node:fs";
import { addLine, noRecords, type Records } from "./records.js";
import { WholeLines } from "./whole-lines.js";

/** How far a file was read, and what shows that it is the same. */
export interface ReadFile {
  /** Bytes read: up to the end of its last whole line. */
  offset: number;
  /** SHA-256 of the last bytes before the offset: a file that was cut and has grown again has others there. */
  tail: string;
  stamp: Stamp;
  records: Records;
}

/** Of a file; what has another stamp was changed. */
export type Stamp = readonly [inode: number, size: number, modifiedMs: number, changedMs: number];

const PIECE_BYTES = 1024 * 1024;
const TAIL_BYTES = 256;

export const stampOf = ({ ino, size, mtimeMs, ctimeMs }: Stats): Stamp => [ino, size, mtimeMs, ctimeMs];

export function isSame(a: Stamp, b: Stamp): boolean {
  return a.every((value, index) => value === b[index]);
}

/** What the file holds now. `before`: what was read of it earlier. A last line that is not whole yet is left for later. */
export function readRecords(path: string, before: ReadFile | null): ReadFile {
  const file = openSync(path, "r");
  try {
    const stamp = stampOf(fstatSync(file));
    if (before && isSame(before.stamp, stamp)) return before;
    const goesOn =
      before !== null &&
      before.stamp[0] === stamp[0] &&
      before.offset <= stamp[1] &&
      tailOf(file, before.offset) === before.tail;
    const records = goesOn ? structuredClone(before.records) : noRecords();
    const offset = readLines(file, goesOn ? before.offset : 0, stamp[1], (line) => addLine(records, line));
    return { offset, tail: tailOf(file, offset), stamp, records };
  } finally {
    closeSync(file);
  }
}

/** Whole lines between two places; returns where the last of them ends. */
function readLines(file: number, from: number, to: number, each: (line: Buffer | null) => void): number {
  const lines = new WholeLines(from, each);
  while (lines.end < to) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, to - lines.end));
    const read = readSync(file, piece, 0, piece.length, lines.end);
    if (read === 0) break;
    lines.add(piece.subarray(0, read));
  }
  return lines.offset;
}

function tailOf(file: number, offset: number): string {
  const bytes = Buffer.alloc(Math.min(TAIL_BYTES, offset));
  readSync(file, bytes, 0, bytes.length, offset - bytes.length);
  return createHash("sha256").update(bytes).digest("hex").slice(0, 16);
}
