/** Whom the coordinator has waited for too long. Pure: time comes in as an argument. */
import type { WorkerEvent } from "../../events.js";
import type { Member } from "./roster.js";

/** How often silence is looked for. */
export const TICK_MS = 500;
/** Loading TensorFlow and data can hold a worker's event loop for long; until it has joined, silence counts only after this. */
const JOIN_TIMEOUT_SECONDS = 60;
/** A worker that was started and has not even said hello after this long will not. */
export const HELLO_TIMEOUT_SECONDS = 60;
/** A tick that comes this much too late means that this process itself was stopped, and nobody else is to blame. */
const SUSPENDED_MS = 2_000;

export interface Overdue {
  reason: NonNullable<WorkerEvent["reason"]>;
  detail: string;
}

export function wasSuspended(sinceLastTickMs: number): boolean {
  return sinceLastTickMs - TICK_MS > SUSPENDED_MS;
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
  const limit = joining ? Math.max(heartbeatTimeout, JOIN_TIMEOUT_SECONDS) : heartbeatTimeout;
  if (silentMs > limit * 1000)
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
