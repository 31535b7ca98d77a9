/** A port that every machine of a job finds by itself. */
import { createHash } from "node:crypto";

/**
 * Below the ports that Linux gives to clients (from 32768) and those that Kubernetes gives to services (from 30000), above
 * Ray's (to 19999).
 */
export const DERIVED_PORTS = { first: 20_000, count: 8000 } as const;

/** The same for the same text, and spread evenly over the range for others. */
export function derivedPort(seed: string): number {
  const hash = createHash("sha256").update(seed).digest().readUInt32BE(0);
  return DERIVED_PORTS.first + (hash % DERIVED_PORTS.count);
}
