/** Addresses of coordinators on TCP. */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { UsageError } from "../errors.js";

/** Checks a `tcp://HOST:PORT` address; `*` or port 0 asks the system for a free port. */
export function checkTcpEndpoint(option: string, endpoint: string): void {
  const match = /^tcp:\/\/(\[[^\]]+\]|[^:/]+):(\d+|\*)$/.exec(endpoint);
  const port = Number(match?.[2] === "*" ? 0 : match?.[2]);
  if (!match || !(port <= 65535))
    throw new UsageError("endpoint", `${option}: expected tcp://HOST:PORT, received "${endpoint}"`);
}

/** UsageError unless the folder of an ipc:// endpoint is this user's own, and closed to all others. */
export function checkPrivate(endpoint: string): void {
  const folder = dirname(endpoint.slice("ipc://".length));
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (stat === undefined)
    throw new UsageError("endpoint", `cannot listen at ${endpoint}: there is no folder ${folder}`);
  if (stat.uid === process.getuid?.() && (stat.mode & 0o077) === 0) return;
  throw new UsageError("endpoint", `cannot listen at ${endpoint}: others can enter ${folder}. Its mode must be 0700.`);
}

/** Whether an address that was checked can only be of this machine. */
export function isLoopback(endpoint: string): boolean {
  return /^tcp:\/\/(localhost|\[::1\]|127\.\d{1,3}\.\d{1,3}\.\d{1,3}):/.test(endpoint);
}
