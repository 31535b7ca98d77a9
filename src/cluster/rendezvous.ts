/** The address at which the machines of a run meet: node 0's. */
import { UsageError } from "../errors.js";

export interface Endpoint {
  /** A name or an address; an IPv6 address without brackets. */
  host: string;
  port: number;
}

export interface WantedEndpoint {
  host: string;
  /** Null: to be derived from the job's name. */
  port: number | null;
}

/** HOST, HOST:PORT, [IPV6] or [IPV6]:PORT. UsageError `launcher` for anything else. */
export function parseRendezvous(text: string): WantedEndpoint {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? null : Number(match[3]);
  if (host === undefined || (port !== null && (port < 1 || port > 65535)))
    throw new UsageError(
      "launcher",
      `--rendezvous: expected HOST:PORT, where node 0 listens and which the other machines can reach, such as node1:5555 or [fd00::1]:5555, received "${text}"`,
    );
  return { host, port };
}
