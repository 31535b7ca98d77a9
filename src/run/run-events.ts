import type { RunEvent } from "../events.js";

type Listener = (event: RunEvent) => void;

/** Too many, and too small, to be recorded or given to a reader: for the metrics, the page and the trace alone. */
export function isForSubscribers({ event }: RunEvent): boolean {
  return event === "heartbeat" || event === "rejected" || event === "timeline";
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
