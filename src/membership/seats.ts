/** How much work a member can do at a time. Pure. */
import { capacityOf } from "./node-part.js";
import type { Member } from "./roster.js";

/**
 * One for each worker's worth of work that a member can do at a time. Those who owe least come first, so that a lost worker's
 * shards go to the member that will be free first.
 */
export function seatsOf(members: readonly Member[], owedBy: (member: Member) => number): Member[] {
  return members
    .flatMap((member) => {
      const [capacity, owed] = [capacityOf(member), owedBy(member)];
      const loadOf = (seat: number) => Math.max(0, Math.ceil((owed - seat) / capacity));
      return Array.from({ length: capacity }, (_, seat) => ({ member, load: loadOf(seat) }));
    })
    .sort((a, b) => a.load - b.load || a.member.rank - b.member.rank)
    .map(({ member }) => member);
}

/** Shards that a member computes one after the other, if its workers have equally many. */
export const roundsOf = (member: Member, shards: number) => Math.ceil(shards / capacityOf(member));
