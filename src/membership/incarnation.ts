/** A rank that was started again is a new incarnation. */
export interface Incarnation {
  readonly rank: number;
  readonly incarnation: number;
}

/** Whether a message names the rank and incarnation of its sender. */
export const isOf = (member: Incarnation, message: Incarnation): boolean =>
  member.rank === message.rank && member.incarnation === message.incarnation;
