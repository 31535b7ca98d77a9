/** Looks every so often for members that are silent or late, and for workers that were started and never came. */
import type { Clock } from "../clock.js";
import { HELLO_TIMEOUT_MS, TICK_MS } from "../config/time-limits.js";
import type { Incarnation } from "./incarnation.js";
import type { Duties, MembersOptions } from "./ports.js";
import type { Member, Roster } from "./roster.js";
import { heldUpMs, type Overdue, overdue } from "./watch.js";

interface Ports {
  clock: Clock;
  /** Takes the member for dead. */
  lose(member: Member, late: Overdue): void;
  /** Ends the process of a worker that has not said hello in time. */
  endAbsent(worker: Incarnation): void;
}

export class Lookout {
  readonly #roster: Roster;
  readonly #duties: Pick<Duties, "owed" | "look" | "forgive">;
  readonly #limits: Pick<MembersOptions["placement"], "heartbeatTimeout" | "stepTimeout">;
  readonly #ports: Ports;
  #lastTick: number;
  #cancelTick: () => void = () => {};

  /** `limits`: in seconds. */
  constructor(
    roster: Roster,
    duties: Pick<Duties, "owed" | "look" | "forgive">,
    limits: Pick<MembersOptions["placement"], "heartbeatTimeout" | "stepTimeout">,
    ports: Ports,
  ) {
    this.#roster = roster;
    this.#duties = duties;
    this.#limits = limits;
    this.#ports = ports;
    this.#lastTick = ports.clock.now();
  }

  /** Looks now, and again with every tick until its end. */
  watch(): void {
    const { clock } = this.#ports;
    const now = clock.now();
    this.#forgive(heldUpMs(now - this.#lastTick));
    this.#lastTick = now;
    for (const member of this.#roster.all()) {
      const late = overdue(member, this.#duties.owed(member), now, this.#limits);
      if (late) this.#ports.lose(member, late);
    }
    for (const absent of this.#roster.absent()) {
      if (now - absent.since <= HELLO_TIMEOUT_MS) continue;
      this.#roster.forget(absent);
      this.#ports.endAbsent(absent);
    }
    this.#duties.look();
    this.#cancelTick = clock.after(TICK_MS, () => this.watch());
  }

  end(): void {
    this.#cancelTick();
  }

  /** Time in which this process could not hear anybody is not counted as silence. */
  #forgive(ms: number): void {
    this.#roster.forgive(ms);
    this.#duties.forgive(ms);
  }
}
