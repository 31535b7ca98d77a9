/** A run from its first check to its last event. Reads downward: prepare, open, start, follow, close. */
import type { Placement } from "../config/placement.js";
import type { Recipe } from "../config/recipe.js";
import { CnnDistError, messageOf } from "../errors.js";
import type { DoneEvent, RunEvent } from "../events.js";
import type { CoordinatorLink } from "../transport/link.js";
import { bindCoordinator } from "../transport/zeromq.js";
import { Closing } from "./closing.js";
import { followRun } from "./follow.js";
import { openRun } from "./open.js";
import { prepareRun } from "./prepare.js";
import { RunEvents } from "./run-events.js";
import { startTraining } from "./start.js";
import { EventStream } from "./stream.js";

export interface StartOptions {
  recipe: Recipe;
  placement: Placement;
  /**
   * Go on with this run. `keepLength`: as long as the checkpoint's recipe says, not as `recipe` does (a resume may have
   * changed it). `allowDifferentEngine`: with a warning where TensorFlow, its settings or the processor are others.
   */
  resume?: { runDir: string; keepLength?: boolean; allowDifferentEngine?: boolean };
  /** Listen here for workers from elsewhere, instead of starting local ones. */
  bind?: string;
  /** Only plan: every check is made, the plan event comes, nothing is installed and no worker starts. */
  dryRun?: boolean;
  /** End as "stopped" after this step, whatever the recipe's length; schedules still follow the recipe. */
  stopAfterStep?: number;
  /** Aborting stops the run as a signal would: what is committed is saved. */
  signal?: AbortSignal;
  /** Called at once with every event, heartbeats included. */
  observe?: (event: RunEvent) => void;
  onProgress?: (progress: Progress) => void;
  env?: NodeJS.ProcessEnv;
}

/** Of bytes, or of what `unit` names. `total` is null where it is not known. */
export interface Progress {
  what: string;
  received: number;
  total: number | null;
  unit?: string;
}

export interface Run extends AsyncIterable<RunEvent> {
  /** The last event; rejects with CnnDistError when the run failed, UsageError when it could not start. Null for a dry run. */
  readonly result: Promise<DoneEvent | null>;
  /** Stops as soon as possible; what is committed is saved. */
  stop(reason: string): void;
}

/** What a run needs of the world beyond its folder and its processes. */
export interface RunServices {
  listen(endpoint: string): Promise<CoordinatorLink>;
}

/** What the parts of a run share. */
export interface RunContext {
  options: StartOptions;
  services: RunServices;
  env: NodeJS.ProcessEnv;
  /** Aborted when the run has to stop; its reason says why. */
  signal: AbortSignal;
  events: RunEvents;
  closing: Closing;
}

/** Starts at once and returns; everything that happens comes as events. Heartbeats go to `observe` alone. */
export function startRun(options: StartOptions, services: RunServices = { listen: bindCoordinator }): Run {
  const stream = new EventStream<RunEvent>();
  const stopping = new AbortController();
  const events = new RunEvents((event) => {
    options.observe?.(event);
    if (event.event !== "heartbeat" && event.event !== "rejected") stream.push(event);
  });
  const { env = process.env } = options;
  const result = perform({ options, services, env, signal: stopping.signal, events, closing: new Closing() });
  result.then(
    () => stream.close(),
    (error: unknown) => stream.fail(error),
  );
  const stop = (reason: string) => stopping.abort(new CnnDistError("stopped", reason));
  if (options.signal?.aborted) stop("the caller's signal");
  options.signal?.addEventListener("abort", () => stop("the caller's signal"), { once: true });
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
    const opened = await openRun(context, prepared);
    const training = startTraining(context, prepared, opened);
    return await followRun(context, prepared, opened, training);
  } catch (error) {
    events.emit({ event: "log", level: "error", message: messageOf(error) });
    throw error;
  } finally {
    for (const error of await closing.close())
      events.emit({ event: "log", level: "warn", message: `the run did not close as it should: ${messageOf(error)}` });
  }
}
