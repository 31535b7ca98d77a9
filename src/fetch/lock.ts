/** One process at a time: for what several could install or download into the same place. */
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CnnDistError } from "../errors.js";
import { makeFolder } from "../make-folder.js";

/** A lock whose holder has not touched it for this long belongs to a dead process. */
const STALE_MS = 15_000;
const POLL_MS = 250;

/**
 * Runs `work` while this process holds `<path>.lock`; waits for another holder as long as it lives. `onWait` is called once
 * if there is one. The signal handed to `work` also fires when the lock is lost (a machine that slept): stop writing then.
 */
export async function withLock<T>(
  path: string,
  work: (signal: AbortSignal) => Promise<T>,
  options: { signal?: AbortSignal; onWait?: () => void } = {},
): Promise<T> {
  makeFolder(dirname(path));
  const lost = new AbortController();
  const release = await acquire(path, options, () =>
    lost.abort(new CnnDistError("lock-lost", `another process has taken over ${path}.lock; start again`)),
  );
  try {
    return await work(options.signal ? AbortSignal.any([options.signal, lost.signal]) : lost.signal);
  } finally {
    if (!lost.signal.aborted) await release();
  }
}

async function acquire(
  path: string,
  { signal, onWait }: { signal?: AbortSignal; onWait?: () => void },
  onCompromised: () => void,
): Promise<() => Promise<void>> {
  // Loaded when needed only: it hooks into the process's signals and exit.
  const { lock } = await import("proper-lockfile");
  for (let waited = false; ; waited = true) {
    signal?.throwIfAborted();
    try {
      return await lock(path, { realpath: false, stale: STALE_MS, onCompromised });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ELOCKED")) throw error;
    }
    if (!waited) onWait?.();
    await sleep(POLL_MS, undefined, signal ? { signal } : {}).catch(() => signal?.throwIfAborted());
  }
}
