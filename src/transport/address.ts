/** Where a coordinator may listen: loopback only, until connections can be encrypted and authenticated. */
import { UsageError } from "../errors.js";

/** Checks a `tcp://HOST:PORT` address; `*` or port 0 asks the system for a free port. */
export function checkTcpEndpoint(option: string, endpoint: string): void {
  const match = /^tcp:\/\/(\[[^\]]+\]|[^:]+):(\d+|\*)$/.exec(endpoint);
  const port = Number(match?.[2] === "*" ? 0 : match?.[2]);
  if (!match || !(port <= 65535))
    throw new UsageError("endpoint", `${option}: expected tcp://HOST:PORT, received "${endpoint}"`);
  if (!isLoopback(match[1]!)) {
    throw new UsageError(
      "endpoint",
      `${option} ${endpoint}: only loopback addresses (127.0.0.1, localhost, [::1]) are accepted, because connections are not encrypted or authenticated yet. Use tcp://127.0.0.1:${port}, through an SSH tunnel if the other side is on another host.`,
    );
  }
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}
