/**
 * How much of anything may come from elsewhere. docs/security.md has these as a table, which a test holds it to. Limits of
 * time lie in config/time-limits.ts.
 */

/** Of the HTTP server: Prometheus keeps one connection, probes open one each; a client that holds more is neither. */
export const HTTP = {
  connections: 64,
  headerBytes: 8192,
  requestsPerConnection: 10_000,
} as const;
