/** What a command has of its terminal: streams, a reporter, and a signal that says when to stop. */
import { CnnDistError, EXIT } from "../errors.js";
import type { HeldBack } from "../events.js";
import { createReporter, type Reporter } from "../terminal/reporter.js";
import { VERSION } from "../version.js";
import { type Command, type Given, type Io, type Lasting, nameOf, type Terminal } from "./command.js";
import { hangupIsIgnored, readTraces } from "./hangup.js";
import type { OutputWatch } from "./output.js";

/** For the library's functions. */
export function controlOf({ reporter, signal }: Terminal) {
  return {
    signal,
    onProgress: (progress: Parameters<Reporter["progress"]>[0]) => reporter.progress(progress),
    onHeldBack: (told: HeldBack) => reporter.heldBack(told),
    onWarning: (text: string) => reporter.note(text),
  };
}

/**
 * Greets at once, listens for signals before anything heavy is loaded, and then loads and does the command's work.
 * Resolves with the exit code.
 */
export async function perform(
  { lasting, load, positionals }: Command,
  given: Given,
  io: Io,
  output: OutputWatch,
): Promise<number> {
  const reporter = createReporter({ io, json: given.json === true, quiet: given.quiet === true, version: VERSION });
  const stopping = new AbortController();
  const stop = lasting && stopperFor(lasting, reporter, stopping);
  const restore = stop ? onSignals(stop, hangupIsIgnored(readTraces(io.env))) : () => {};
  if (stop) output.onReaderGone((stream) => stop(`the reader of ${stream} is gone`));
  if (lasting?.title) reporter.greet(lasting.title(given)); // after the handlers: Ctrl-C may follow the first line at once
  try {
    const work = await load();
    stopping.signal.throwIfAborted();
    const words = positionals.map(({ name }) => nameOf({ flag: name }));
    return await work.run(given, { io, reporter, signal: stopping.signal }, words);
  } finally {
    reporter.close();
    restore();
  }
}

/** Only the first cause, a signal or a reader that is gone, asks for the stop; a Ctrl-C after it does not wait for that. */
function stopperFor({ saves, stopped }: Lasting, reporter: Reporter, stopping: AbortController) {
  return (cause: string): void => {
    if (stopping.signal.aborted) {
      if (cause === "SIGINT") endAtOnce(reporter);
      return;
    }
    const saved = saves ? "; what is done is saved" : "";
    const twice = cause === "SIGINT" ? ` Ctrl-C again ends it at once${saves ? ", unsaved" : ""}.` : "";
    reporter.note(`${cause}: stopping${saved}.${twice}`);
    stopping.abort(new CnnDistError("stopped", stopped ? `${cause}: ${stopped}` : `it was stopped: ${cause}`));
  };
}

function endAtOnce(reporter: Reporter): void {
  const checkpoint = reporter.checkpoint();
  reporter.note(checkpoint === null ? "aborted" : `aborted; the last checkpoint is ${checkpoint}`);
  process.exit(EXIT.aborted);
}

/**
 * The handlers stay until the returned function takes them away: proper-lockfile kills the process at a signal that
 * nobody else listens to.
 */
function onSignals(stop: (cause: string) => void, ignoresHangup: boolean): () => void {
  const ignore = () => {};
  const handle = (signal: NodeJS.Signals) => stop(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGUSR1", "SIGQUIT", "SIGHUP"] as const;
  // Without any handler a hang-up would end the process, whatever nohup asked for.
  const handlerOf = (signal: NodeJS.Signals) => (signal === "SIGHUP" && ignoresHangup ? ignore : handle);
  for (const signal of signals) process.on(signal, handlerOf(signal));
  return () => {
    for (const signal of signals) process.off(signal, handlerOf(signal));
  };
}
