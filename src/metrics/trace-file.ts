/** A file that is whole JSON after every write, written beside the training. */
import { constants } from "node:fs";
import { access, type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { messageOf, UsageError } from "../errors.js";
import type { RunEvent } from "../events.js";
import { TraceEntries, type TraceEntry } from "./trace-events.js";

const HEAD = '{"displayTimeUnit":"ms","traceEvents":[\n';
/** Each write covers the end of the one before, and ends in it again. */
const TAIL = "\n]}\n";
/** Text that may wait for a slow disk; what comes beyond is left out, and told once. */
const MAX_WAITING = 16 * 1024 * 1024;

/** UsageError when no file can be written there; makes nothing. */
export async function checkTracePath(path: string): Promise<void> {
  const refuse = (why: string, cause?: unknown) =>
    new UsageError("trace-file", `--trace ${path}: ${why}. Name a file in a folder that can be written to.`, { cause });
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw refuse(messageOf(error), error);
  });
  if (found && !found.isFile()) throw refuse(`it is ${found.isDirectory() ? "a folder" : "not a regular file"}`);
  const must = found ? path : dirname(path);
  await access(must, constants.W_OK).catch((error: unknown) => {
    throw refuse(messageOf(error), error);
  });
}

export interface TraceFileOptions {
  path: string;
  steps: { from: number; to: number };
  /** Steps that are behind already. */
  done: number;
  /** Milliseconds of the coordinator's monotonic clock. */
  now: () => number;
  /** Told once, when something could not be written; nothing more is written then. */
  onTrouble: (message: string) => void;
}

export class TraceFile {
  readonly #file: FileHandle;
  readonly #options: TraceFileOptions;
  readonly #entries: TraceEntries;
  #waiting: string[] = [];
  #waitingLength = 0;
  /** Where the next entry is written. */
  #end: number;
  #empty = true;
  #broken = false;
  #writing: Promise<void> | null = null;

  private constructor(file: FileHandle, options: TraceFileOptions) {
    this.#file = file;
    this.#options = options;
    this.#entries = new TraceEntries(options.now(), options.steps, options.done);
    this.#end = HEAD.length;
  }

  /** What is in the file is overwritten. UsageError `trace-file` when it cannot be made. */
  static async create(options: TraceFileOptions): Promise<TraceFile> {
    let file: FileHandle | null = null;
    try {
      file = await open(options.path, "w");
      await file.write(HEAD + TAIL, 0);
      return new TraceFile(file, options);
    } catch (error) {
      await file?.close().catch(() => {});
      throw new UsageError("trace-file", `--trace ${options.path} cannot be written: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Returns at once; the file follows. */
  observe(event: RunEvent): void {
    if (this.#broken || this.#entries.over) return;
    const entries = this.#entries.of(event, this.#options.now());
    if (entries.length === 0) return;
    const text = entries.map((entry: TraceEntry) => JSON.stringify(entry)).join(",\n");
    if (this.#waitingLength + text.length > MAX_WAITING) return this.#break("the disk is slower than the training");
    this.#waiting.push(text);
    this.#waitingLength += text.length;
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const text = `${this.#empty ? "" : ",\n"}${this.#waiting.join(",\n")}`;
        this.#waiting = [];
        this.#waitingLength = 0;
        const bytes = Buffer.from(text + TAIL);
        for (let written = 0; written < bytes.length; ) {
          const { bytesWritten } = await this.#file.write(bytes, written, bytes.length - written, this.#end + written);
          written += bytesWritten;
        }
        this.#end += bytes.length - TAIL.length;
        this.#empty = false;
      }
    } catch (error) {
      this.#break(messageOf(error));
    } finally {
      this.#writing = null;
    }
  }

  /** The training goes on; the file is what it was. */
  #break(why: string): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#waiting = [];
    this.#options.onTrouble(`the trace ${this.#options.path} ends early: ${why}`);
  }

  async close(): Promise<void> {
    await this.#writing;
    if (this.#broken) await this.#restoreTail().catch(() => {}); // it was told already
    await this.#file.close();
  }

  async #restoreTail(): Promise<void> {
    await this.#file.truncate(this.#end);
    await this.#file.write(TAIL, this.#end);
  }
}
