/** A run's records, read into the state that its page shows. */
import { once } from "node:events";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { WholeLines } from "../runs/whole-lines.js";
import { entryOf } from "./recorded-events.js";
import type { Entry } from "./state/page-event.js";
import { advance, emptyRunState, type RunState } from "./state/run-state.js";

export interface History {
  state: RunState;
  /** Of the lines that it holds: the last may not be whole yet. */
  bytes: number;
}

const PIECE_BYTES = 4 * 1024 * 1024;

/** The state after the first `bytes` of a file; it holds up its thread. Lines that cannot be shown are counted in a message. */
export function readHistory(path: string, bytes: number): History {
  const state = emptyRunState();
  if (bytes === 0) return { state, bytes };
  let damaged = 0;
  const lines = new WholeLines(0, (line) => {
    const entry = entryOfLine(line);
    if (entry === "damaged") damaged++;
    else if (entry !== null) advance(state, entry);
  });
  const file = openSync(path, "r");
  try {
    while (lines.end < bytes) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, bytes - lines.end));
      const read = readSync(file, piece, 0, piece.length, lines.end);
      if (read === 0) break;
      lines.add(piece.subarray(0, read));
    }
  } finally {
    closeSync(file);
  }
  if (damaged > 0) advance(state, damagedLines(damaged));
  return { state, bytes: lines.offset };
}

/** The same in a thread of its own. */
export async function readHistoryApart(path: string, bytes: number): Promise<History> {
  const workerData = { path, bytes };
  const thread = new Worker(new URL("./history-thread.js", import.meta.url), { workerData, execArgv: [] });
  const [history] = (await once(thread, "message")) as [History];
  return history;
}

/** Of the file as it is now; 0 where there is none. A pipe would be waited for, and is none. */
export function sizeOf(path: string): number {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() ? stats.size : 0;
}

/** As `entryOf`; null: a line that was too long, or an empty one. */
export function entryOfLine(line: Buffer | null): ReturnType<typeof entryOf> {
  if (line === null) return "damaged";
  return line.length === 0 ? null : entryOf(line.toString());
}

export function damagedLines(count: number): Entry {
  const lines = count === 1 ? "a line" : `${count} lines`;
  const message = `${lines} of the run's records cannot be shown: damaged, or of another version of cnn-dist`;
  return [null, { event: "log", level: "warn", message }];
}
