/** A run from its first check to its last event. Reads downward: prepare, open, start, follow, close. */
import { CnnDistError, messageOf } from "../errors.js";
import type { DoneEvent, RunEvent } from "../events.js";
import { bindCoordinator } from "../transport/zeromq.js";
import { Closing } from "./closing.js";
import type { RunContext, RunServices, StartOptions } from "./context.js";
import { followRun } from "./follow.js";
import { watchHeldBack } from "./held-back.js";
import { openRun } from "./open.js";
import { prepareRun } from "./prepare.js";
import { isForSubscribers, RunEvents } from "./run-events.js";
import { startTraining } from "./start.js";
import { EventStream } from "./stream.js";

export interface Run extends AsyncIterable<RunEvent> {
  /** The last event; rejects with CnnDistError when the run failed, UsageError when it could not start. Null for a dry run. */
  readonly result: Promise<DoneEvent | null>;
  /** Stops as soon as possible; what is committed is saved. */
  stop(reason: string): void;
}

/** Starts at once and returns; everything that happens comes as events. What is only for subscribers (run-events.ts) goes to `observe` alone. */
export function startRun(options: StartOptions, services: RunServices = { listen: bindCoordinator }): Run {
  const stream = new EventStream<RunEvent>();
  const stopping = new AbortController();
  const events = new RunEvents((event) => {
    options.observe?.(event);
    if (!isForSubscribers(event)) stream.push(event);
  });
  const { env = process.env } = options;
  const result = perform({ options, services, env, signal: stopping.signal, events, closing: new Closing() });
  const stop = (reason: string) => stopping.abort(new CnnDistError("stopped", reason));
  const { signal } = options;
  const onAbort = () => stop("the caller's signal");
  if (signal?.aborted) onAbort();
  signal?.addEventListener("abort", onAbort, { once: true });
  // A signal may outlive many runs.
  const over = () => signal?.removeEventListener("abort", onAbort);
  result.then(
    () => {
      over();
      stream.close();
    },
    (error: unknown) => {
      over();
      stream.fail(error);
    },
  );
  return { result, stop, [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator]() };
}

async function perform(context: RunContext): Promise<DoneEvent | null> {
  const { options, events, closing } = context;
  try {
    const prepared = await prepareRun(context);
    if (options.dryRun) {
      events.emit(prepared.plan);
      return null;
    }
    const heldBack = watchHeldBack(context);
    const opened = await openRun(context, prepared);
    const training = startTraining(context, prepared, opened);
    return await followRun(context, prepared, opened, training, heldBack);
  } catch (error) {
    events.emit({ event: "log", level: "error", message: messageOf(error) });
    throw error;
  } finally {
    for (const error of await closing.close())
      events.emit({ event: "log", level: "warn", message: `the run did not close as it should: ${messageOf(error)}` });
  }
}
