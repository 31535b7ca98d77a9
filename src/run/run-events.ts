import type { RunEvent } from "../events.js";

const FOR_SUBSCRIBERS: ReadonlySet<RunEvent["event"]> = new Set([
  "heartbeat",
  "rejected",
  "timeline",
  "waiting",
  "held-back",
]);

type Listener = (event: RunEvent) => void;

/** Too many, and too small, to be recorded or given to a reader: for the metrics, the page, the terminal and the trace alone. */
export function isForSubscribers({ event }: RunEvent): boolean {
  return FOR_SUBSCRIBERS.has(event);
}

/** Everything that happens in a run: recorded first, and then given to its caller. */
export class RunEvents {
  readonly #listeners: Listener[] = [];
  readonly #tell: Listener;

  constructor(tell: Listener) {
    this.#tell = tell;
  }

  subscribe(listener: Listener): void {
    this.#listeners.push(listener);
  }

  emit(event: RunEvent): void {
    for (const listener of this.#listeners) listener(event);
    this.#tell(event);
  }
}
