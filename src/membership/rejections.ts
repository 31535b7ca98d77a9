/** What is dropped of what peers send: counted, held against its sender, and, if it is too much, the sender's end. */
import type { Clock } from "../clock.js";
import type { RunEvent } from "../events.js";
import type { RejectReason } from "../protocol/codec.js";
import type { ToCoordinator } from "../protocol/messages.js";
import { Allowance } from "./allowance.js";
import type { Member, Roster } from "./roster.js";

/** What is no answer to an assignment. */
const UNASKED: ReadonlySet<ToCoordinator["type"]> = new Set(["heartbeat", "heartbeats", "progress", "worker", "join"]);

interface Ports {
  clock: Pick<Clock, "now">;
  emit(event: RunEvent): void;
  /** Takes the member for dead. */
  lose(member: Member, why: string): void;
  /** It is heard no more; `ban`: nor is its key, for a while. */
  cut(peer: string, ban: boolean): void;
}

export class Rejections {
  readonly #roster: Roster;
  readonly #ports: Ports;
  readonly #allowances = new WeakMap<Member, Allowance>();

  constructor(roster: Roster, ports: Ports) {
    this.#roster = roster;
    this.#ports = ports;
  }

  /** A message of a member was handled; `reason`: why it was dropped, or null. */
  judge(member: Member, type: ToCoordinator["type"], headerBytes: number, reason: RejectReason | null): void {
    if ((reason !== null || UNASKED.has(type)) && !this.#allows(member, headerBytes)) {
      this.#count("flood");
      this.#ports.lose(member, "it sent more than a member may that no work asked for");
      return this.#ports.cut(member.peer, true);
    }
    // What comes late or twice is not wrong: it is counted and costs no strike.
    if (reason === "stale" || reason === "duplicate") this.#count(reason);
    else if (reason !== null) this.reject(member.peer, reason);
  }

  /** A message was dropped that is held against its sender, a member or not. */
  reject(peer: string, reason: RejectReason): void {
    this.#count(reason);
    if (!this.#roster.strike(peer)) return;
    const member = this.#roster.get(peer);
    if (member) this.#ports.lose(member, `it sent too many unacceptable messages, the last for "${reason}"`);
    // One that was lost may have had much on its way, and may come back.
    else this.#ports.cut(peer, reason !== "stale");
  }

  #allows(member: Member, headerBytes: number): boolean {
    const now = this.#ports.clock.now();
    const allowance = this.#allowances.get(member) ?? new Allowance(now);
    this.#allowances.set(member, allowance);
    return allowance.take(headerBytes, now);
  }

  #count(reason: RejectReason): void {
    this.#ports.emit({ event: "rejected", reason, count: 1 });
  }
}
