/** Whom the coordinator has waited for too long. Pure: time comes in as an argument. */
import { JOIN_TIMEOUT_MS, TICK_MS } from "../config/time-limits.js";
import type { WorkerEvent } from "../events.js";
import type { Member } from "./roster.js";

export interface Overdue {
  reason: NonNullable<WorkerEvent["reason"]>;
  detail: string;
}

/** Where a tick was missed, this process itself was stopped or busy: that time is not counted as silence. */
export function heldUpMs(sinceLastTickMs: number): number {
  return sinceLastTickMs >= 2 * TICK_MS ? sinceLastTickMs : 0;
}

/** Why a member, which owes results since `owesSince` or none, is to be taken for dead, or null; limits are in seconds. */
export function overdue(
  member: Pick<Member, "state" | "lastHeard">,
  owesSince: number | null,
  now: number,
  { heartbeatTimeout, stepTimeout }: { heartbeatTimeout: number; stepTimeout: number },
): Overdue | null {
  const silentMs = now - member.lastHeard;
  const joining = member.state === "joining" || member.state === "tracing";
  const limitMs = joining ? Math.max(heartbeatTimeout * 1000, JOIN_TIMEOUT_MS) : heartbeatTimeout * 1000;
  if (silentMs > limitMs)
    return {
      reason: "silence",
      detail: `it has been silent for ${(silentMs / 1000).toFixed(1)} s (--heartbeat-timeout ${heartbeatTimeout})`,
    };
  if (owesSince !== null && now - owesSince > stepTimeout * 1000)
    return {
      reason: "step-timeout",
      detail: `it is alive but has sent no result for ${((now - owesSince) / 1000).toFixed(1)} s (--step-timeout ${stepTimeout})`,
    };
  return null;
}
