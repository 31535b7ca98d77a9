/** What the harness tells the tap in the environment, and what the tap writes down. */
import type { Injection } from "./draw.js";

export interface TapSettings {
  injection: Pick<Injection, "kind" | "at" | "seconds">;
  /** The trial's folder. */
  dir: string;
}
export const TAP_VARIABLE = "CNN_DIST_CHAOS_TAP";

/** In the trial's folder: made by the process that did it. */
export const REPORT = "injected.json";
export interface Injected {
  /** Unix time in seconds, as metrics.jsonl has it. */
  time: number;
  what: string;
}
