/** A run's events as a stream that always ends in order: the reader may leave, and the signal may come at any time. */
import { CnnDistError } from "../errors.js";
import type { NotStartedEvent, RunEvent } from "../events.js";
import type { StartOptions } from "../run/context.js";
import { type Run, startRun } from "../run/run.js";
import type { Control, WatchControl } from "./options.js";

/**
 * Prepares and starts a run, and gives its events. After the signal the last one is `stopped`. Leaving the loop stops the
 * run and waits for its end. Throws what `prepare` throws, and CnnDistError when the run fails.
 */
export async function* follow(
  prepare: () => Promise<StartOptions>,
  { signal, onProgress, onHeldBack }: Control & WatchControl,
): AsyncGenerator<RunEvent, void, undefined> {
  const startedMs = performance.now();
  const heard: { run: Run | null; runDir: string | null; recipeSha256: string | null } = {
    run: null,
    runDir: null,
    recipeSha256: null,
  };
  const stop = () => heard.run?.stop(reasonOf(signal));
  signal?.addEventListener("abort", stop, { once: true });
  let ended = false;
  try {
    if (signal?.aborted) throw new CnnDistError("stopped", reasonOf(signal));
    const options = await prepare();
    const observe = (event: RunEvent) => {
      if (event.event === "held-back") onHeldBack?.(event);
    };
    heard.run = startRun({ ...options, observe, ...(onProgress ? { onProgress } : {}) });
    if (signal?.aborted) stop(); // while it was prepared
    for await (const event of heard.run) {
      if (event.event === "plan") Object.assign(heard, { runDir: event.run_dir, recipeSha256: event.recipe_sha256 });
      yield event;
    }
    await heard.run.result;
    ended = true;
  } catch (error) {
    if (!(signal?.aborted && error instanceof CnnDistError && error.code === "stopped")) throw error;
    ended = true;
    yield notStarted(heard, (performance.now() - startedMs) / 1000);
  } finally {
    signal?.removeEventListener("abort", stop);
    if (!ended) {
      heard.run?.stop("the reader left");
      await heard.run?.result.catch(() => {});
    }
  }
}

function reasonOf(signal: AbortSignal | undefined): string {
  return signal?.reason instanceof CnnDistError ? signal.reason.message : "the caller's signal";
}

/** The end of a run that was stopped while it was still being prepared. */
function notStarted(
  { runDir, recipeSha256 }: { runDir: string | null; recipeSha256: string | null },
  seconds: number,
): NotStartedEvent {
  return {
    event: "stopped",
    step: 0,
    epoch: 0,
    loss: null,
    accuracy: null,
    best_accuracy: null,
    recipe_sha256: recipeSha256,
    weights_sha256: null,
    ema_sha256: null,
    samples_per_second: 0,
    duration_seconds: seconds,
    checkpoint: null,
    run_dir: runDir,
    bottleneck: null,
    held_back: null,
    resume_command: null,
  };
}
