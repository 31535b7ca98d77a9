/** When each member was given its work of a step and began with it, and what its ranks did when. Time comes in as an argument. */
import type { Timing } from "../protocol/messages.js";
import type { Member } from "./roster.js";
import { rankTimes, type WorkerClocks } from "./step-times.js";
import type { RankTimes } from "./workers.js";

export class WorkTimes {
  /** What each rank did when. */
  readonly ranks = new Map<number, RankTimes>();
  readonly #clocks: Pick<WorkerClocks, "offsetMs">;
  readonly #stepMs: number;
  /** When each member was first given work of this step. */
  readonly #assignedMs = new Map<Member, number>();
  /** When each member could begin with what it computes now. */
  readonly #beganMs = new Map<Member, number>();

  /** `stepMs`: when the step began. */
  constructor(clocks: Pick<WorkerClocks, "offsetMs">, stepMs: number) {
    this.#clocks = clocks;
    this.#stepMs = stepMs;
  }

  /** `idle`: the member owed nothing before, and so can begin at once. */
  given(member: Member, nowMs: number, { idle }: { idle: boolean }): void {
    if (!this.#assignedMs.has(member)) this.#assignedMs.set(member, nowMs);
    if (idle) this.#beganMs.set(member, nowMs);
  }

  /** How long the member could compute what it computes now, in milliseconds. */
  sinceBegan(member: Member, nowMs: number): number {
    return nowMs - (this.#beganMs.get(member) ?? nowMs);
  }

  /** The member has ended what it computed and can begin with its next; returns how long that took, in milliseconds. */
  ended(member: Member, nowMs: number): number {
    const tookMs = this.sinceBegan(member, nowMs);
    this.#beganMs.set(member, nowMs);
    return tookMs;
  }

  /** A member that was given work tells what so many shards took a rank: its own, or that of a node's worker. */
  told(member: Member, rank: number, timing: Timing, at: { shards: number; receivedMs: number }): void {
    const { shards, receivedMs } = at;
    const assignedMs = this.#assignedMs.get(member)!;
    const offsetMs = this.#clocks.offsetMs(member, timing, { assignedMs, receivedMs });
    const moments = { shards, offsetMs, stepMs: this.#stepMs, receivedMs };
    this.ranks.set(rank, rankTimes(this.ranks.get(rank), timing, moments));
  }
}
