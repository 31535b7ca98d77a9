/** A run of a folder, for whoever opens its page: from its records, and as long as they grow, live. */
import type { Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { RECORDS_LOOK_MS } from "../config/time-limits.js";
import { entryOf, readHistoryApart } from "./history.js";
import type { RunFeed } from "./run-routes.js";
import { advance, emptyRunState, type RunState } from "./state/run-state.js";
import { Streams } from "./streams.js";

/** Of new lines, read at once. */
const PIECE_BYTES = 1024 * 1024;

export class RecordedRun implements RunFeed {
  readonly #path: string;
  readonly #streams = new Streams();
  #state: RunState = emptyRunState();
  /** Bytes of the file that the state holds: whole lines. */
  #read = 0;
  #busy: Promise<void> | null = null;
  #looking: NodeJS.Timeout | null = null;

  /** `path`: of its metrics.jsonl. */
  constructor(path: string) {
    this.#path = path;
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
    if (this.#streams.watched) return void this.state().catch(() => {}); // a folder that is gone: the page keeps what it has
    clearInterval(this.#looking!);
    this.#looking = null;
  }

  async #look(): Promise<void> {
    const found: Stats | null = await stat(this.#path).catch(() => null);
    const size = found?.size ?? 0;
    if (size < this.#read || (this.#read === 0 && size > PIECE_BYTES)) await this.#readAll(size);
    while (this.#read < size && (await this.#readPiece()));
  }

  /** At first, in a thread: the file may be large. */
  async #readAll(size: number): Promise<void> {
    const { state, bytes } = await readHistoryApart(this.#path, size);
    this.#state = state;
    this.#read = bytes;
  }

  /** Whether there was a whole line. */
  async #readPiece(): Promise<boolean> {
    const file = await open(this.#path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(PIECE_BYTES), 0, PIECE_BYTES, this.#read);
      const end = buffer.lastIndexOf("\n", bytesRead - 1) + 1;
      if (bytesRead === 0 || end === 0) return false;
      this.#read += end;
      for (const line of buffer.toString("utf8", 0, end).split("\n")) {
        const entry = entryOf(line);
        if (entry === null) continue;
        advance(this.#state, entry);
        this.#streams.tell(entry);
      }
      return true;
    } finally {
      await file.close();
    }
  }

  async close(): Promise<void> {
    if (this.#looking !== null) clearInterval(this.#looking);
    await this.#streams.close();
  }
}
