/** A run that this process trains, for whoever opens its page: from the start, and live. */
import { PAGE_TRACE_MS } from "../config/time-limits.js";
import { messageOf } from "../errors.js";
import type { RunEvent } from "../events.js";
import type { History } from "./history.js";
import type { RunFeed } from "./run-routes.js";
import { type Entry, pageEvent } from "./state/page-event.js";
import { advance, emptyRunState, type RunState } from "./state/run-state.js";
import { together } from "./state/together.js";
import { Streams } from "./streams.js";

/** Steps in a row that are traced for a page: who waited for whom shows from one step to the next. */
const TRACED_IN_A_ROW = 3;

export class LiveRun implements RunFeed {
  readonly #streams = new Streams((entries) => together(entries, this.#state.curves.stride));
  readonly #now: () => number;
  #state: RunState = emptyRunState();
  /** What happened while the records of the run's earlier lives are read; null: they are. */
  #queue: Entry[] | null;
  readonly #ready: Promise<void>;
  #tracedMs = Number.NEGATIVE_INFINITY;
  #traced = 0;

  /** `history`: of a run that goes on, its state so far. `now`: milliseconds, wall clock. */
  constructor({ history, now }: { history: Promise<History> | null; now: () => number }) {
    this.#now = now;
    this.#queue = history === null ? null : [];
    this.#ready = history === null ? Promise.resolve() : this.#read(history);
  }

  observe(event: RunEvent): void {
    const shown = pageEvent(event);
    if (shown === null) return;
    const entry: Entry = [this.#now() / 1000, shown];
    if (this.#queue !== null) {
      this.#queue.push(entry);
      return;
    }
    advance(this.#state, entry);
    this.#streams.tell(entry);
  }

  /** Whether a page would show the next step's timeline: some steps every now and then, and none while no page is open. */
  wantsTimeline(): boolean {
    if (!this.#streams.watched) return false;
    const now = this.#now();
    if (now - this.#tracedMs > PAGE_TRACE_MS) {
      this.#tracedMs = now;
      this.#traced = 0;
    }
    return this.#traced++ < TRACED_IN_A_ROW;
  }

  async open(response: Parameters<RunFeed["open"]>[0]): Promise<true> {
    await this.#ready;
    return this.#streams.open(response, () => this.#state);
  }

  async plan(): Promise<RunState["plan"]> {
    await this.#ready;
    return this.#state.plan;
  }

  async #read(history: Promise<History>): Promise<void> {
    const queue = this.#queue!;
    try {
      this.#state = (await history).state;
    } catch (error) {
      const message = `the run's records could not be read, so this page begins here: ${messageOf(error)}`;
      queue.push([this.#now() / 1000, { event: "log", level: "warn", message }]);
    }
    for (const entry of queue) advance(this.#state, entry);
    this.#queue = null;
  }

  async close(): Promise<void> {
    await this.#streams.close();
  }
}
