/** A run's records, read into the state that its page shows. */
import { once } from "node:events";
import { createReadStream, statSync } from "node:fs";
import { createInterface } from "node:readline";
import { Worker } from "node:worker_threads";
import type { RunEvent } from "../events.js";
import { pageEvent } from "./state/page-event.js";
import { advance, emptyRunState, type RunState } from "./state/run-state.js";

/**
 * The state after the first `bytes` of a file. Lines that are no event are passed over: a kill may leave half of one. A file that
 * is not there has no line.
 */
export async function readHistory(path: string, bytes: number): Promise<RunState> {
  const state = emptyRunState();
  if (bytes === 0) return state;
  const file = createReadStream(path, { encoding: "utf8", end: bytes - 1 });
  try {
    for await (const line of createInterface({ input: file, crlfDelay: Number.POSITIVE_INFINITY }))
      addLine(state, line);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
  return state;
}

/** The same in a thread of its own. */
export async function readHistoryApart(path: string, bytes: number): Promise<RunState> {
  const thread = new Worker(new URL("./history-thread.js", import.meta.url), {
    workerData: { path, bytes },
    execArgv: [],
  });
  const [state] = (await once(thread, "message")) as [RunState];
  return state;
}

/** Of the file as it is now; 0 where there is none. */
export function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** One line of metrics.jsonl: an event, with the time at which it was recorded. */
export function addLine(state: RunState, line: string): void {
  const recorded = parsed(line);
  if (recorded === null) return;
  const event = pageEvent(recorded);
  if (event === null) return;
  try {
    advance(state, [typeof recorded.time === "number" ? recorded.time : null, event]);
  } catch {
    // a line that is not what this version writes
  }
}

function parsed(line: string): (RunEvent & { time?: number }) | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "event" in value ? (value as RunEvent) : null;
  } catch {
    return null;
  }
}
