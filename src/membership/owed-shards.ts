/** Shards of a step that must be computed, and the members that owe them: none yet, one, or one and its backups. Pure. */
import type { Range } from "../parameters/tree.js";
import type { Member } from "./roster.js";

export class OwedShards {
  readonly #owners: Map<number, Member[]>;

  constructor(shards: readonly number[]) {
    this.#owners = new Map(shards.map((shard) => [shard, []]));
  }

  get size(): number {
    return this.#owners.size;
  }

  give(shard: number, member: Member): void {
    this.#owners.set(shard, [...(this.#owners.get(shard) ?? []), member]);
  }

  unowned(): number[] {
    return this.#where((owners) => owners.length === 0);
  }

  of(member: Member): number[] {
    return this.#where((owners) => owners.includes(member));
  }

  /** Those that a member owes alone. */
  aloneOf(member: Member): number[] {
    return this.#where((owners) => owners.length === 1 && owners[0] === member);
  }

  has(shard: number): boolean {
    return this.#owners.has(shard);
  }

  /** Shards of a range are done by a member that owed them; returns the others that owed some of them, too. */
  done(range: Range, member: Member): Member[] {
    const others = new Set<Member>();
    for (let shard = range.start; shard < range.end; shard++) {
      const owners = this.#owners.get(shard);
      if (!owners?.includes(member)) continue;
      this.#owners.delete(shard);
      for (const owner of owners) if (owner !== member) others.add(owner);
    }
    return [...others];
  }

  /** It owes nothing any more. Shards that nobody owes then, beside those that are to be computed again. */
  lost(member: Member, again: readonly number[]): number[] {
    const mine = this.of(member);
    for (const shard of mine)
      this.#owners.set(
        shard,
        this.#owners.get(shard)!.filter((owner) => owner !== member),
      );
    for (const shard of again) this.#owners.set(shard, []);
    return [...new Set([...mine, ...again])].filter((shard) => this.#owners.get(shard)!.length === 0);
  }

  #where(fits: (owners: readonly Member[]) => boolean): number[] {
    return [...this.#owners].filter(([, owners]) => fits(owners)).map(([shard]) => shard);
  }
}
