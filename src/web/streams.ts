/**
 * Server-sent events to every open page. Each connection begins with the whole state, so one that was lost, by sleep or by the end
 * of the run's process, loses nothing; then come events, some at a time.
 */
import type { ServerResponse } from "node:http";
import { within } from "../clock.js";
import { CLOSING_MS, STREAM_BEAT_MS, STREAM_ROUTINE_MS, STREAM_SEND_MS } from "../config/time-limits.js";
import { beginStream, refuse } from "./answers.js";
import { type Entry, isRoutine } from "./state/page-event.js";

/** Other readers of the server need connections too. */
const MAX_STREAMS = 32;
/** Of a page that reads slowly: it is cut off, and begins again with the state. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

export class Streams {
  readonly #open = new Set<ServerResponse>();
  readonly #together: (entries: readonly Entry[]) => readonly Entry[];
  #waiting: Entry[] = [];
  #sending: { timer: NodeJS.Timeout; soon: boolean } | null = null;
  #beating: NodeJS.Timeout | null = null;

  /** `together`: of entries that are sent at once, fewer that say the same to a page. */
  constructor(together: (entries: readonly Entry[]) => readonly Entry[]) {
    this.#together = together;
  }

  get watched(): boolean {
    return this.#open.size > 0;
  }

  /** Costs nothing while no page is open. */
  tell(entry: Entry): void {
    if (!this.watched) return;
    this.#waiting.push(entry);
    this.#sendWithin(isRoutine(entry[1]) ? STREAM_ROUTINE_MS : STREAM_SEND_MS);
  }

  /** `state` is asked for at the moment from which on events follow. */
  open(response: ServerResponse, state: () => unknown): true {
    if (this.#open.size >= MAX_STREAMS)
      return refuse(response, 503, `${MAX_STREAMS} pages are open already. Close one of them.`);
    if (response.destroyed) return true; // it went away while the state was made ready
    this.#send(); // those that are open get what the state holds already
    beginStream(response);
    response.write(`retry: 1000\n${stateMessage(state())}`);
    this.#open.add(response);
    this.#beating ??= setInterval(() => this.#write("event: beat\ndata:\n\n"), STREAM_BEAT_MS).unref();
    response.once("close", () => this.#closed(response));
    return true;
  }

  /** Those that are open go on with another state. */
  renew(state: unknown): void {
    this.#waiting = [];
    if (this.watched) this.#write(stateMessage(state));
  }

  /** Those that are open lose their connection, and ask again. */
  end(): void {
    this.#send();
    for (const response of this.#open) response.end();
  }

  #sendWithin(ms: number): void {
    const soon = ms < STREAM_ROUTINE_MS;
    if (this.#sending !== null && (this.#sending.soon || !soon)) return;
    clearTimeout(this.#sending?.timer);
    this.#sending = { timer: setTimeout(() => this.#send(), ms).unref(), soon };
  }

  #send(): void {
    clearTimeout(this.#sending?.timer);
    this.#sending = null;
    if (this.#waiting.length === 0) return;
    this.#write(`data: ${JSON.stringify(this.#together(this.#waiting))}\n\n`);
    this.#waiting = [];
  }

  #write(text: string): void {
    for (const response of this.#open) {
      if (response.writableLength > MAX_WAITING_BYTES) response.destroy();
      else response.write(text);
    }
  }

  #closed(response: ServerResponse): void {
    this.#open.delete(response);
    if (this.watched) return;
    this.#waiting = [];
    if (this.#beating !== null) clearInterval(this.#beating);
    this.#beating = null;
  }

  /** What is waiting still goes out, as far as it is read within a moment. */
  async close(): Promise<void> {
    this.#send();
    const ended = [...this.#open].map((response) => new Promise<void>((resolve) => response.end(resolve)));
    await within(Promise.all(ended), CLOSING_MS);
  }
}

const stateMessage = (state: unknown) => `event: state\ndata: ${JSON.stringify(state)}\n\n`;
