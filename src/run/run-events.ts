import type { RunEvent } from "../events.js";

type Listener = (event: RunEvent) => void;

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
