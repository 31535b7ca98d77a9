/**
 * Backup tasks (Dean & Ghemawat 2004, "MapReduce", section 3.6): a late shard is given to an idle worker as well, and whoever is
 * first counts. Results of the other come too late and are dropped, so only workers whose results are messages take part: who
 * writes to shared memory could write there in a later step. Pure.
 */
import { BACKUP_TIMES_USUAL, LEAST_BACKUP_MS } from "../config/time-limits.js";
import type { BackupEvent } from "../events.js";
import type { ToCoordinator } from "../protocol/messages.js";
import type { Member } from "./roster.js";
import type { Owed } from "./watch.js";

/** Of a member that is late, shards that others were given as well. */
export interface Backup {
  member: Member;
  shards: readonly number[];
  waitedMs: number;
}

export function backupEvent(step: number, { member, shards, waitedMs }: Backup): BackupEvent {
  const { rank, phase } = member;
  return { event: "backup", step, rank, phase, shards: shards.length, waited_seconds: waitedMs / 1000 };
}

export const mayRace = ({ exchange, node }: Member): boolean => exchange === "frames" && node === null;

/** What it waited for so long is late. `usualMs`: null: not known, and so never. */
export function isLate(waitedMs: number, usualMs: number | null): boolean {
  return usualMs !== null && waitedMs > Math.max(LEAST_BACKUP_MS, BACKUP_TIMES_USUAL * usualMs);
}

/** Members that still compute what another one was first with: they are given nothing new as long as others are there. */
export class Behind {
  readonly #since = new Map<Member, Owed>();

  add(member: Member, owed: Owed): void {
    this.#since.set(member, owed);
  }

  /** A message of any member: with the end of a range it has caught up. */
  heard(member: Member, { type }: ToCoordinator): void {
    if (type === "finished") this.#since.delete(member);
  }

  /** What it is to end with, which is a worker's duty even where nobody needs it. */
  owed(member: Member): Owed | null {
    return this.#since.get(member) ?? null;
  }

  /** Those that new work is for. */
  free(members: readonly Member[]): readonly Member[] {
    const free = members.filter((member) => !this.#since.has(member));
    return free.length > 0 ? free : members;
  }

  /** It was given new work, or is gone. */
  forget(member: Member): void {
    this.#since.delete(member);
  }

  forgive(ms: number): void {
    for (const [member, owed] of this.#since) this.#since.set(member, { ...owed, since: owed.since + ms });
  }
}
