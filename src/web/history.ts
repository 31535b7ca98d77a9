/** A run's records, read into the state that its page shows. */
import { once } from "node:events";
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { Worker } from "node:worker_threads";
import type { RunEvent } from "../events.js";
import { type Entry, pageEvent } from "./state/page-event.js";
import { advance, emptyRunState, type RunState } from "./state/run-state.js";

export interface History {
  state: RunState;
  /** Of the lines that it holds: the last may not be whole yet. */
  bytes: number;
}

const PIECE_BYTES = 4 * 1024 * 1024;
const NEWLINE = 10;

/** The state after the first `bytes` of a file; it holds up its thread. Lines that are no event are passed over. */
export function readHistory(path: string, bytes: number): History {
  const state = emptyRunState();
  if (bytes === 0) return { state, bytes };
  const file = openSync(path, "r");
  try {
    let piece = Buffer.alloc(Math.min(bytes, PIECE_BYTES));
    let done = 0;
    while (done < bytes) {
      const read = readSync(file, piece, 0, Math.min(piece.length, bytes - done), done);
      if (read === 0) break;
      const end = piece.subarray(0, read).lastIndexOf(NEWLINE) + 1;
      if (end > 0) addLines(state, piece.toString("utf8", 0, end));
      else if (read === bytes - done)
        break; // the rest is half a line
      else piece = Buffer.alloc(2 * piece.length);
      done += end;
    }
    return { state, bytes: done };
  } finally {
    closeSync(file);
  }
}

/** The same in a thread of its own. */
export async function readHistoryApart(path: string, bytes: number): Promise<History> {
  const workerData = { path, bytes };
  const thread = new Worker(new URL("./history-thread.js", import.meta.url), { workerData, execArgv: [] });
  const [history] = (await once(thread, "message")) as [History];
  return history;
}

/** Of the file as it is now; 0 where there is none. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

function addLines(state: RunState, text: string): void {
  for (const line of text.split("\n")) {
    const entry = entryOf(line);
    if (entry !== null) advance(state, entry);
  }
}

/** Of one line of metrics.jsonl; null where it is no event of this version, or none that a page shows. */
export function entryOf(line: string): Entry | null {
  try {
    const recorded: unknown = JSON.parse(line);
    if (typeof recorded !== "object" || recorded === null || !("event" in recorded)) return null;
    const event = pageEvent(recorded as RunEvent);
    const { time } = recorded as { time?: unknown };
    return event && [typeof time === "number" ? time : null, event];
  } catch {
    return null; // half a line, which a kill may leave
  }
}
