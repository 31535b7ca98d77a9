/** Addresses of coordinators on TCP. */
import { UsageError } from "../errors.js";

/** Checks a `tcp://HOST:PORT` address; `*` or port 0 asks the system for a free port. */
export function checkTcpEndpoint(option: string, endpoint: string): void {
  const match = /^tcp:\/\/(\[[^\]]+\]|[^:/]+):(\d+|\*)$/.exec(endpoint);
  const port = Number(match?.[2] === "*" ? 0 : match?.[2]);
  if (!match || !(port <= 65535))
    throw new UsageError("endpoint", `${option}: expected tcp://HOST:PORT, received "${endpoint}"`);
}

/** Whether an address that was checked can only be of this machine. */
export function isLoopback(endpoint: string): boolean {
  return /^tcp:\/\/(localhost|\[::1\]|127\.\d{1,3}\.\d{1,3}\.\d{1,3}):/.test(endpoint);
}
