/** A file of lines that are worth less than the training: what cannot be written is dropped, and told once. */
import { closeSync, fstatSync, ftruncateSync, openSync, writeSync } from "node:fs";

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
      this.#file ??= openSync(this.#path, "a");
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
