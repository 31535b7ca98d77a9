/**
 * Files written by a thread of its own, from a copy: hashing them, and waiting for a disk, take no time from the main thread,
 * and what they were made of may change as soon as it is copied.
 */
import { join } from "node:path";
import { setImmediate as yieldToEvents } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import type { Answer, Job, WrittenFile } from "./file-writer-thread.js";

export interface NewFile {
  name: string;
  /** In order. */
  pieces: readonly Uint8Array[];
}

/** Bytes that are copied at once, about a millisecond's: gradients that arrive need not wait longer. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** One job at a time. Its copy is kept for the next one: the memory that it takes is that of the largest job. */
export class FileWriter {
  #image = new ArrayBuffer(0);
  #thread: Worker | null = null;

  /**
   * Resolves with what was written of each file, once all of it is synced; rejects with the system's error. `read` is called
   * when the pieces may change.
   */
  async write(dir: string, files: readonly NewFile[], read: () => void): Promise<Record<string, WrittenFile>> {
    const parts = await this.#copy(dir, files);
    read();
    const image = this.#image;
    this.#image = new ArrayBuffer(0); // the thread has it until it answers
    const answer = await this.#ask({ image, parts });
    this.#image = answer.image;
    if (answer.error !== null) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
    return Object.fromEntries(files.map(({ name }, index) => [name, answer.written[index]!]));
  }

  async #copy(dir: string, files: readonly NewFile[]): Promise<Job["parts"]> {
    const sizes = files.map(({ pieces }) => pieces.reduce((sum, { byteLength }) => sum + byteLength, 0));
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (this.#image.byteLength < total) this.#image = new ArrayBuffer(total);
    const image = new Uint8Array(this.#image);
    let at = 0;
    for (const piece of files.flatMap(({ pieces }) => pieces))
      for (let from = 0; from < piece.byteLength; from += PIECE_BYTES) {
        const part = piece.subarray(from, from + PIECE_BYTES);
        image.set(part, at);
        at += part.byteLength;
        if (part.byteLength === PIECE_BYTES) await yieldToEvents();
      }
    let end = 0;
    return files.map(({ name }, index) => {
      const start = end;
      end += sizes[index]!;
      return { path: join(dir, name), start, end };
    });
  }

  #ask(job: Job): Promise<Answer> {
    const thread = this.#started();
    thread.ref();
    return new Promise<Answer>((resolve, reject) => {
      const fail = (error: unknown) => {
        this.#thread = null; // the next job starts another
        reject(error);
      };
      const ended = () => fail(new Error("the thread that writes checkpoints ended"));
      thread.once("error", fail);
      thread.once("exit", ended);
      thread.once("message", (answer: Answer) => {
        thread.off("error", fail);
        thread.off("exit", ended);
        thread.unref();
        resolve(answer);
      });
      thread.postMessage(job, [job.image]);
    });
  }

  #started(): Worker {
    // What a caller's Node was started with (a loader, a program as text) is not for it.
    this.#thread ??= new Worker(new URL("file-writer-thread.js", import.meta.url), { execArgv: [] });
    return this.#thread;
  }

  /** Nothing waits for the thread: where a file server hangs, it may never end. */
  close(): void {
    void this.#thread?.terminate();
    this.#thread = null;
    this.#image = new ArrayBuffer(0);
  }
}
