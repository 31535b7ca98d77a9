/**
 * Where the shards' residuals are when gradients travel compressed as frames. A residual stays with the worker that computed
 * its shard last, and so does the shard; the coordinator has all of them only at the version that it was begun with or that
 * they were gathered at. Pure.
 */
import type { Member } from "./roster.js";

export class ResidualHomes {
  /** Null: no worker has it, and what the coordinator has of it is still in force. */
  readonly #homes: (Member | null)[];
  #kept: number;

  /** `version`: of the residuals that the coordinator begins with. */
  constructor(shards: number, version: number) {
    this.#homes = new Array<Member | null>(shards).fill(null);
    this.#kept = version;
  }

  /** The version of what the coordinator has. */
  get kept(): number {
    return this.#kept;
  }

  homeOf(shard: number): Member | null {
    return this.#homes[shard]!;
  }

  /** Whether the coordinator can give the residual of that version to any worker. */
  isMovable(shard: number, version: number): boolean {
    return version === this.#kept || this.#homes[shard] === null;
  }

  /** The member computes the shard from now on; true if it must be sent the residual first. */
  move(shard: number, member: Member): boolean {
    if (this.#homes[shard] === member) return false;
    this.#homes[shard] = member;
    return true;
  }

  /** A worker is gone; true if residuals of `version` are gone with it. */
  lost(member: Member, version: number): boolean {
    if (!this.#homes.includes(member)) return false;
    if (version !== this.#kept) return true;
    for (const [shard, home] of this.#homes.entries()) if (home === member) this.#homes[shard] = null;
    return false;
  }

  /** All residuals of that version have come to the coordinator. */
  gathered(version: number): void {
    this.#kept = version;
  }

  /** The run goes back to a version of which the coordinator has all residuals, and no worker has any. */
  rolledBack(version: number): void {
    this.#homes.fill(null);
    this.#kept = version;
  }
}
