/** When a process is killed, and which: what the harness tells the tap. */

/**
 * `file`: as the coordinator is about to make its n-th change to a file. `message`: as it is about to see the n-th message
 * of a worker, or to send its own. `time`: after so many milliseconds.
 */
export const KINDS = ["file", "message", "time"] as const;
export type Kind = (typeof KINDS)[number];
export type Totals = Record<Kind, number>;

export interface Moment {
  kind: Kind;
  /** From 1, or milliseconds. */
  at: number;
}

/** The coordinator, or one of the processes that it has then: the one at this share of the list. */
export type Victim = "coordinator" | { share: number };

/** Told to the tap in the environment. `report`: the file that takes what it saw. */
export interface TapSettings {
  /** Null: only count. */
  moment: Moment | null;
  victim: Victim;
  /** Share of a write's bytes that are there where it is cut; 1/2 if it is left out. */
  cut?: number;
  report: string;
}
export const TAP_VARIABLE = "CNN_DIST_KILLS_TAP";

/** What the tap writes before it kills, or at the end where it only counts. */
export interface TapReport {
  files: number;
  messages: number;
  /** Null where nothing was killed. */
  killed: { pid: number; when: string } | null;
}
