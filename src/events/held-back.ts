/** What holds a run back, as its events tell it. */

/** What can hold a run back. */
export const HOLD_PHASES = [
  "wait",
  "input",
  "slow-rank",
  "uneven-shards",
  "write",
  "coordinator",
  "checkpoint",
  "evaluation",
  "compile",
  "workers",
] as const;
export type HoldPhase = (typeof HOLD_PHASES)[number];
/** What holds a run back, now or over all of it. */
export interface HeldBack {
  /** Null: nothing is worth telling, or too little is known yet. */
  phase: HoldPhase | null;
  /** That is the cause; null where none is, or all are. */
  rank: number | null;
  /** Of a slow rank: what takes it longer than the others. */
  part: "wait" | "input" | "compute" | null;
  /** Of the time: what the cause takes of it, from 0 to 1. */
  share: number;
  /** The same as a sentence, with what to do. */
  text: string;
}
/** The last seconds, told at most once a second; not recorded, and not in the library's stream. */
export interface HeldBackEvent extends HeldBack {
  event: "held-back";
}
/** What keeps a run below three quarters of its best speed: two workers, below 1.5 times that of one. */
export interface Bottleneck extends HeldBack {
  phase: HoldPhase;
  /** Times as fast as one worker that does nothing but compute gradients. */
  speedup: number;
}
