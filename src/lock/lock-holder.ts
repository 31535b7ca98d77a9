/** Who holds a run's lock, and whether that process is dead, as far as it can be told from this machine. Pure but for `thisMachine`. */
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { z } from "zod";

/** What makes two process numbers comparable. */
export interface Machine {
  host: string;
  /** The kernel's id of this start of the machine; null where it does not tell. */
  boot: string | null;
  /** PID namespace: containers have their own. */
  namespace: string | null;
  /** The installation's id; containers of one image may share it. */
  installation: string | null;
}

export const holderSchema = z.object({
  host: z.string().nullable(),
  pid: z.number().int(),
  /** `processIdentity` of that time: number and start, so that a later process of the same number is another. */
  process: z.string(),
  boot: z.string().nullable(),
  namespace: z.string().nullable(),
  installation: z.string().nullable().default(null),
  /** ISO 8601. */
  since: z.string().nullable(),
  /** Differs between any two locks. */
  id: z.string(),
});
export type Holder = z.infer<typeof holderSchema>;

export function thisMachine(): Machine {
  return {
    host: hostname(),
    boot: orNull(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()),
    namespace: orNull(() => readlinkSync("/proc/self/ns/pid")),
    installation: orNull(() => readFileSync("/etc/machine-id", "utf8").trim()),
  };
}

function orNull(read: () => string): string | null {
  try {
    return read() || null;
  } catch {
    return null;
  }
}

/** The namespace of a machine's first process has this number on every Linux (PROC_PID_INIT_INO). */
const OUTSIDE_OF_CONTAINERS = "pid:[4026531836]";

/** Whether this process can see that one, dead or alive. */
export function isHere(holder: Holder, machine: Machine): boolean {
  return (
    holder.boot !== null &&
    holder.boot === machine.boot &&
    holder.namespace !== null &&
    holder.namespace === machine.namespace
  );
}

/** The same machine, outside of any container, was started again since, so no process of that time is left. */
function wasStartedAgain(holder: Holder, machine: Machine): boolean {
  return (
    holder.installation !== null &&
    holder.installation === machine.installation &&
    holder.host === machine.host &&
    holder.namespace === OUTSIDE_OF_CONTAINERS &&
    machine.namespace === OUTSIDE_OF_CONTAINERS &&
    holder.boot !== null &&
    machine.boot !== null &&
    holder.boot !== machine.boot
  );
}

/** `holder` is null for a lock that does not name one: then its silence alone counts. */
export function isDead(
  holder: Holder | null,
  machine: Machine,
  facts: { processIdentity: (pid: number) => string | null; silentMs: number; limitMs: number },
): boolean {
  if (holder && isHere(holder, machine)) return facts.processIdentity(holder.pid) !== holder.process;
  // Nothing says whose number it is: a process of that number and start is taken for the holder.
  if (holder?.boot === null && facts.processIdentity(holder.pid) === holder.process) return false;
  if (holder && wasStartedAgain(holder, machine)) return true;
  return facts.silentMs > facts.limitMs;
}
