import { readFileSync } from "node:fs";

/**
 * "PID START" of a living process, null of a dead one. The start time (field 22 of /proc/PID/stat) tells a process from a
 * later one that was given the same number.
 */
export function processIdentity(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field is the command's name in brackets and may hold spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? null : `${pid} ${fields[19]}`;
  } catch {
    return null;
  }
}
