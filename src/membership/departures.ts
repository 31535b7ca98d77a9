/** How workers went, for the message of a run that has none left. Pure. */
import { clauseOf } from "../errors.js";
import type { Incarnation } from "./incarnation.js";
import type { LogTail } from "./ports.js";

/** What the socket says of a dead worker; its process says it better. */
export const CONNECTION_GONE = "its connection is gone";

export class Departures {
  #last: (Incarnation & { text: string; place: string }) | null = null;
  /** How the processes of workers ended that were taken out before that was known. */
  readonly #exits = new Map<string, string>();

  /** A worker was taken out or refused. `place`: where it was in its work, in words. */
  left({ rank, incarnation }: Incarnation, text: string, place = ""): void {
    this.#last = { rank, incarnation, text, place };
  }

  /** The process of a worker that is no member ended. Why it was refused or failed says more than that it is gone. */
  exited({ rank, incarnation }: Incarnation, text: string): void {
    this.#exits.set(`${rank}/${incarnation}`, text);
    const known = this.#last;
    const isSame = known?.rank === rank && known.incarnation === incarnation;
    if (!isSame || known.text === CONNECTION_GONE)
      this.#last = { rank, incarnation, text, place: isSame ? known.place : "" };
  }

  /** The better known of what was seen of an end: by the socket, or by the process. */
  causeOf({ rank, incarnation }: Incarnation, seen: string): string {
    return seen === CONNECTION_GONE ? (this.#exits.get(`${rank}/${incarnation}`) ?? seen) : seen;
  }

  /** What a run says that has too few workers: who was the last to go, and why. */
  lastToGo(logTail: (rank: number) => LogTail): string {
    if (this.#last === null) return "none has gone";
    const { rank, text, place } = this.#last;
    const { header, lines } = logTail(rank);
    const tail = lines.length > 0 ? lines.join("\n") : header;
    const log = tail === "" ? "" : `\nThe last lines of its log:\n${tail}`;
    return `the last to go was rank ${rank}: ${clauseOf(text)}${place === "" ? "" : ` (${place})`}.${log}`;
  }
}
