/** A file to which records are added beside the training. */
import { type FileHandle, open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../../errors.js";
import { makeFolder } from "../../make-folder.js";

/** Bytes that may wait for a slow disk; what comes beyond is left out, and told once. */
const MAX_WAITING = 64 * 1024 * 1024;
const NAME = /^events\.out\.tfevents\.(\d{10})\./;

export class EventFile {
  readonly #file: FileHandle;
  readonly #onTrouble: (why: string) => void;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #broken = false;
  #writing: Promise<void> | null = null;
  /** Whether the folder had event files before: of an earlier life of the run. */
  readonly goesOn: boolean;

  private constructor(file: FileHandle, goesOn: boolean, onTrouble: (why: string) => void) {
    this.#file = file;
    this.goesOn = goesOn;
    this.#onTrouble = onTrouble;
  }

  /** A new file in that folder, whose name comes after those that are there: readers take them in that order. */
  static async create(
    folder: string,
    { now, host, onTrouble }: { now: number; host: string; onTrouble: (why: string) => void },
  ): Promise<EventFile> {
    makeFolder(folder);
    const before = (await readdir(folder)).flatMap((name) => NAME.exec(name)?.[1] ?? []);
    const seconds = before.reduce((latest, each) => Math.max(latest, Number(each) + 1), Math.floor(now / 1000));
    const path = join(folder, `events.out.tfevents.${String(seconds).padStart(10, "0")}.${host}`);
    return new EventFile(await open(path, "ax"), before.length > 0, onTrouble);
  }

  /** Returns at once; the file follows. */
  add(record: Uint8Array): void {
    if (this.#broken) return;
    if (this.#bytes + record.byteLength > MAX_WAITING) return this.#break("the disk is slower than the training");
    this.#waiting.push(record);
    this.#bytes += record.byteLength;
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const bytes = Buffer.concat(this.#waiting);
        this.#waiting = [];
        this.#bytes = 0;
        await this.#file.appendFile(bytes);
      }
    } catch (error) {
      this.#break(messageOf(error));
    } finally {
      this.#writing = null;
    }
  }

  #break(why: string): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#waiting = [];
    this.#onTrouble(why);
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.close();
  }
}
