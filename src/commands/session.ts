/** What every run at a terminal begins with: a greeting at once, and signals that are heard before anything else is loaded. */
import { CnnDistError, EXIT } from "../errors.js";
import { createReporter, type Reporter } from "../terminal/reporter.js";
import { VERSION } from "../version.js";
import type { Args, Io } from "./command.js";

export interface Session {
  reporter: Reporter;
  /** Aborted by the first SIGINT, SIGTERM or SIGUSR1. */
  signal: AbortSignal;
}

export async function atTerminal(
  title: string,
  args: Args,
  io: Io,
  work: (session: Session) => Promise<number>,
): Promise<number> {
  const reporter = createReporter({ io, json: args.json === true, quiet: args.quiet === true, version: VERSION });
  const stopping = new AbortController();
  const restore = onSignals({
    first: (signal) => {
      reporter.note(
        `${signal}: stopping; what is done is saved.${signal === "SIGINT" ? " Ctrl-C again ends it at once, unsaved." : ""}`,
      );
      stopping.abort(new CnnDistError("stopped", `${signal} was received`));
    },
    again: () => {
      reporter.note("aborted; the last checkpoint stands");
      process.exit(EXIT.aborted);
    },
  });
  reporter.greet(title); // after the handlers: who sees it may press Ctrl-C
  try {
    return await work({ reporter, signal: stopping.signal });
  } finally {
    reporter.close();
    restore();
  }
}

/**
 * The first signal of any kind asks for a stop; a second Ctrl-C does not wait for it. The handlers stay until the returned
 * function takes them away: proper-lockfile kills the process at a signal that nobody else listens to.
 */
export function onSignals({
  first,
  again,
}: {
  first: (signal: NodeJS.Signals) => void;
  again: () => void;
}): () => void {
  let stopping = false;
  const handle = (signal: NodeJS.Signals) => {
    if (!stopping) {
      stopping = true;
      first(signal);
    } else if (signal === "SIGINT") again();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGUSR1"] as const;
  for (const signal of signals) process.on(signal, handle);
  return () => {
    for (const signal of signals) process.off(signal, handle);
  };
}

/** "vgg13 on cifar100": as much of it as the words on the command line tell. */
export function titleOf(args: Args): string {
  const what = String(args.model ?? args.recipe ?? "lenet5");
  return args.dataset === undefined ? what : `${what} on ${String(args.dataset)}`;
}
