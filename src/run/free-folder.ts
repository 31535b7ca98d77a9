/** Waits for the folder of a run whose last process may not have ended yet, or cannot be seen to have ended. */
import { join, resolve } from "node:path";
import { type Clock, systemClock } from "../clock.js";
import { LOCK_BEAT_MS, LOCK_RETRY_MS, LOCK_SILENT_MS } from "../config/time-limits.js";
import { CnnDistError } from "../errors.js";
import { RunLock } from "../lock/lock.js";

export interface Waiting {
  signal?: AbortSignal | undefined;
  /** Told once, if there is something to wait for. */
  note: (text: string) => void;
}

/**
 * Resolves when nobody holds the folder, or when whoever opens it will say better what is wrong with it. Throws
 * `run-dir-in-use` once its holder has shown for long enough that it lives, and `stopped` after the signal.
 */
export async function freeFolder(runDir: string, { signal, note }: Waiting, clock: Clock = systemClock): Promise<void> {
  const path = join(resolve(runDir), "lock");
  const endMs = clock.now() + LOCK_SILENT_MS + 2 * LOCK_BEAT_MS;
  for (let told = false; ; told = true) {
    const holder = holderOf(path);
    if (holder === null) return;
    if (clock.now() >= endMs) throw holder;
    const [what] = holder.message.split("\n");
    if (!told)
      note(
        `${what} It is waited for: its process may be ending, or counts as dead after ${LOCK_SILENT_MS / 1000} s of silence.`,
      );
    await new Promise<void>((resume) => void clock.after(LOCK_RETRY_MS, resume));
    if (signal?.aborted) throw new CnnDistError("stopped", `it was stopped while it waited for ${runDir}`);
  }
}

/** Null: the folder can be had. */
function holderOf(path: string): CnnDistError | null {
  try {
    RunLock.take(path).release();
    return null;
  } catch (error) {
    return error instanceof CnnDistError && error.code === "run-dir-in-use" ? error : null;
  }
}
