/** A run of a folder, for whoever opens its page: from its records, and as long as they grow, live. */
import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { RECORDS_LOOK_MS } from "../config/time-limits.js";
import type { PlanEvent } from "../events.js";
import { WholeLines } from "../runs/whole-lines.js";
import { damagedLines, entryOfLine, readHistoryApart } from "./history.js";
import type { RunFeed } from "./run-routes.js";
import type { Entry } from "./state/page-event.js";
import { advance, emptyRunState, type RunState } from "./state/run-state.js";
import { together } from "./state/together.js";
import { Streams } from "./streams.js";

/** Of lines, read at once: for about 20 ms nobody else is served. */
const PIECE_BYTES = 1024 * 1024;
/** More of them are read in a thread, whose start takes longer than reading these. */
const THREAD_BYTES = 8 * 1024 * 1024;

export class RecordedRun implements RunFeed {
  readonly #path: string;
  readonly #isAlive: () => boolean;
  readonly #streams = new Streams((entries) => together(entries, this.#state.curves.stride));
  #state: RunState = emptyRunState();
  /** What was read of the file, and which file it was; null: none yet. */
  #lines: WholeLines | null = null;
  #inode: number | null = null;
  /** Of the lines that were read now. */
  #damaged = 0;
  #busy: Promise<void> | null = null;
  #looking: NodeJS.Timeout | null = null;

  /** `path`: of its metrics.jsonl. `isAlive`: whether a process writes the run now. */
  constructor(path: string, isAlive: () => boolean) {
    this.#path = path;
    this.#isAlive = isAlive;
  }

  get watched(): boolean {
    return this.#streams.watched;
  }

  async open(response: Parameters<RunFeed["open"]>[0]): Promise<true> {
    await this.state();
    this.#looking ??= setInterval(() => this.#lookWhileWatched(), RECORDS_LOOK_MS).unref();
    return this.#streams.open(response, () => this.#state);
  }

  async plan(): Promise<RunState["plan"]> {
    return (await this.state()).plan;
  }

  /** As the records are now. */
  async state(): Promise<RunState> {
    this.#busy ??= this.#look().finally(() => {
      this.#busy = null;
    });
    await this.#busy;
    return this.#state;
  }

  #lookWhileWatched(): void {
    // What cannot be read now is told to whoever opens the page anew.
    if (this.#streams.watched) return void this.state().catch(() => this.#streams.end());
    clearInterval(this.#looking!);
    this.#looking = null;
  }

  async #look(): Promise<void> {
    const found = await stat(this.#path).catch(() => null);
    if (found === null) {
      if (this.#lines !== null) this.#vanished();
    } else {
      if (!found.isFile()) throw new Error(`${this.#path} is a folder, a pipe or a device, where a file was expected`);
      const { ino: inode, size } = found;
      if (this.#lines === null || inode !== this.#inode || size < this.#lines.end) await this.#readAnew(inode, size);
      await this.#readTo(size);
    }
    const alive = this.#isAlive();
    if (alive !== this.#state.alive) this.#happened([null, { event: "alive", alive }]);
  }

  /** A large file in a thread; a small one as if all of it were new. */
  async #readAnew(inode: number, size: number): Promise<void> {
    if (size <= THREAD_BYTES) return this.#begin(inode, emptyRunState(), 0);
    const { state, bytes } = await readHistoryApart(this.#path, size);
    this.#begin(inode, state, bytes);
  }

  #begin(inode: number, state: RunState, bytes: number): void {
    this.#inode = inode;
    if (state.plan !== null) state.plan = this.#here(state.plan);
    this.#state = state;
    this.#lines = new WholeLines(bytes, (line) => this.#line(line));
    this.#streams.renew(state);
  }

  /** An open page keeps what it has, and asks again. */
  #vanished(): void {
    this.#state = emptyRunState();
    this.#lines = null;
    this.#streams.end();
  }

  async #readTo(size: number): Promise<void> {
    const lines = this.#lines!;
    if (lines.end >= size) return;
    const file = await open(this.#path);
    try {
      while (lines.end < size && (await readPiece(file, lines, size)));
    } finally {
      await file.close();
    }
    if (this.#damaged > 0) this.#happened(damagedLines(this.#damaged));
    this.#damaged = 0;
  }

  #line(line: Buffer | null): void {
    const entry = entryOfLine(line);
    if (entry === "damaged") {
      this.#damaged++;
      return;
    }
    if (entry === null) return;
    const [time, event] = entry;
    if (event.event !== "plan") return this.#happened(entry);
    this.#happened([time, this.#here(event)]);
    // A process begins: its own page tells more than its records, so that open pages ask anew.
    this.#streams.end();
  }

  /** The folder may have been moved, or copied, since. */
  #here(plan: PlanEvent): PlanEvent {
    return { ...plan, run_dir: dirname(this.#path) };
  }

  #happened(entry: Entry): void {
    advance(this.#state, entry);
    this.#streams.tell(entry);
  }

  async close(): Promise<void> {
    if (this.#looking !== null) clearInterval(this.#looking);
    await this.#streams.close();
  }
}

/** Whether there was one. */
async function readPiece(file: FileHandle, lines: WholeLines, size: number): Promise<boolean> {
  const most = Math.min(PIECE_BYTES, size - lines.end);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(most), 0, most, lines.end);
  if (bytesRead > 0) lines.add(buffer.subarray(0, bytesRead));
  return bytesRead > 0;
}
