/** Whom the coordinator has waited for too long. Pure: time comes in as an argument. */
import { BUSY_SILENCE_MS, JOIN_PART_MS, type StepTimeout, stepLimitMs, TICK_MS } from "../config/time-limits.js";
import type { WorkerEvent } from "../events.js";
import { isPreparing, type Member } from "./roster.js";

export interface Overdue {
  reason: NonNullable<WorkerEvent["reason"]>;
  detail: string;
}

/** What a member has not given yet. */
export interface Owed {
  /** When it was given, or when the last part of it came. */
  since: number;
  /** What such work usually takes, in milliseconds; null: not known. */
  usualMs: number | null;
}

/** Where a tick was missed, this process itself was stopped or busy: that time is not counted as silence. */
export function heldUpMs(sinceLastTickMs: number): number {
  return sinceLastTickMs >= 2 * TICK_MS ? sinceLastTickMs : 0;
}

/** Why a member, which owes something or nothing, is to be taken for dead, or null; limits are in seconds. */
export function overdue(
  member: Pick<Member, "state" | "lastHeard" | "phase" | "phaseSince">,
  owed: Owed | null,
  now: number,
  limits: { heartbeatTimeout: number; stepTimeout: StepTimeout },
): Overdue | null {
  const { heartbeatTimeout } = limits;
  const preparing = isPreparing(member);
  const busy = preparing || member.phase === "compiling";
  const silentMs = now - member.lastHeard;
  const longer = busy && heartbeatTimeout * 1000 < BUSY_SILENCE_MS;
  if (silentMs > (longer ? BUSY_SILENCE_MS : heartbeatTimeout * 1000)) {
    const limit = longer
      ? `while it ${preparing ? "joins" : "compiles"}, the limit is ${BUSY_SILENCE_MS / 1000} s`
      : `--heartbeat-timeout ${heartbeatTimeout}`;
    return { reason: "silence", detail: `it has been silent for ${seconds(silentMs)} (${limit})` };
  }
  const partMs = now - member.phaseSince;
  if (preparing && partMs > JOIN_PART_MS)
    return {
      reason: "join-timeout",
      detail: `it is alive but has come no further with joining for ${seconds(partMs)}`,
    };
  if (owed === null) return null;
  const usualMs = member.phase === "compiling" ? null : owed.usualMs;
  const waitedMs = now - owed.since;
  const limitMs = stepLimitMs(limits, usualMs);
  if (waitedMs <= limitMs) return null;
  const usual = usualMs === null ? "" : `, and its work usually takes ${seconds(usualMs)}`;
  return {
    reason: "step-timeout",
    detail: `it is alive but has sent no result for ${seconds(waitedMs)}${usual} (--step-timeout ${limits.stepTimeout}: ${seconds(limitMs)} here)`,
  };
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
