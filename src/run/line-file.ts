/** A file of lines that are worth less than the training: what cannot be written is dropped, and told once. */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";

export class LineFile {
  readonly #path: string;
  readonly #onFailure: (path: string, error: unknown) => void;
  #file: number | null = null;
  #closed = false;

  /** The file is opened by its first line, and closed for good. `onFailure` is called for every line that is dropped. */
  constructor(path: string, onFailure: (path: string, error: unknown) => void) {
    this.#path = path;
    this.#onFailure = onFailure;
  }

  /** The whole line, or nothing of it. */
  append(line: string): void {
    if (this.#closed) return;
    try {
      this.#file ??= openWhole(this.#path);
      appendWhole(this.#file, Buffer.from(`${line}\n`));
    } catch (error) {
      this.#onFailure(this.#path, error);
    }
  }

  close(): void {
    const file = this.#file;
    this.#file = null;
    this.#closed = true;
    try {
      if (file !== null) closeSync(file);
    } catch (error) {
      this.#onFailure(this.#path, error); // a file server may tell of a full disk as late as now
    }
  }
}

const NEWLINE = 10;
const PIECE_BYTES = 65_536;

/** For appending. A last line that a killed process left unfinished is taken back: what follows would be one with it. */
function openWhole(path: string): number {
  const file = openSync(path, "a+");
  try {
    const { size } = fstatSync(file);
    const whole = endOfLastLine(file, size);
    if (whole < size) ftruncateSync(file, whole);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** In bytes, the newline included; 0 where there is none. */
function endOfLastLine(file: number, size: number): number {
  const piece = Buffer.alloc(Math.min(size, PIECE_BYTES));
  for (let end = size; end > 0; ) {
    const from = Math.max(0, end - PIECE_BYTES);
    const read = readSync(file, piece, 0, end - from, from);
    const at = piece.subarray(0, read).lastIndexOf(NEWLINE);
    if (at >= 0) return from + at + 1;
    end = from;
  }
  return 0;
}

/** A disk that fills up takes the first bytes of a line and refuses the rest: those are taken back. */
function appendWhole(file: number, bytes: Buffer): void {
  const { size } = fstatSync(file);
  try {
    for (let written = 0; written < bytes.length; ) written += writeSync(file, bytes, written);
  } catch (error) {
    try {
      ftruncateSync(file, size);
    } catch {
      // no regular file: nothing to take back
    }
    throw error;
  }
}
