/**
 * Whether a request's Host header is one by which this machine is known. A page of another site may let its own name point to
 * 127.0.0.1 (DNS rebinding) and then read what is served here; the browser sends that name. An address cannot be such a name.
 * Pure.
 */
import { isIP } from "node:net";

/** `names`: of this machine, and what the user told to listen at. */
export function isOwnHost(header: string | undefined, names: readonly string[]): boolean {
  const host = hostnameOf(header);
  if (host === null) return false;
  return isIP(host) !== 0 || host === "localhost" || host.endsWith(".localhost") || names.includes(host);
}

/** Without its port, in lower case; null: it is none. */
function hostnameOf(header: string | undefined): string | null {
  const found = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d+)?$/i.exec(header ?? "");
  return found === null ? null : (found[1] ?? found[2]!).toLowerCase();
}
