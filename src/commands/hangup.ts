/**
 * Whether a hang-up (SIGHUP, from a terminal or a connection that closes) is to be ignored, as nohup asks for. A program
 * finds that in its own signal dispositions, but Node resets all of them when it starts. What is left are the traces of
 * nohup and of whoever handed its dispositions on.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

export interface Traces {
  /** /proc/PID/status of the parent; "" where it cannot be read. */
  parent: string;
  /** The variable `_`, in which bash, zsh and ksh leave the path of the command that they start. */
  startedBy: string | undefined;
  /** Where standard input leads, and /proc/self/fdinfo/0: nohup replaces a terminal by /dev/null, opened for writing. */
  input: string;
  inputInfo: string;
}

export function readTraces(env: NodeJS.ProcessEnv): Traces {
  const text = (read: () => string) => {
    try {
      return read();
    } catch {
      return "";
    }
  };
  return {
    parent: text(() => readFileSync(`/proc/${process.ppid}/status`, "utf8")),
    startedBy: env._,
    input: text(() => readlinkSync("/proc/self/fd/0")),
    inputInfo: text(() => readFileSync("/proc/self/fdinfo/0", "utf8")),
  };
}

/** A parent that ignores hang-ups, such as a script under nohup, hands that on to what it starts. */
export function hangupIsIgnored({ parent, startedBy, input, inputInfo }: Traces): boolean {
  const writeOnly = (Number.parseInt(/^flags:\s*(\d+)/m.exec(inputInfo)?.[1] ?? "0", 8) & 3) === 1;
  return ignoresHangup(parent) || basename(startedBy ?? "") === "nohup" || (input === "/dev/null" && writeOnly);
}

/** SIGHUP is signal 1, the lowest bit of the mask. */
function ignoresHangup(status: string): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)/m.exec(status)?.[1];
  return mask !== undefined && (Number.parseInt(mask.slice(-1), 16) & 1) === 1;
}
