/** What the sockets of both sides have in common. */
import { CONNECTION } from "../config/time-limits.js";

const HEARTBEAT = {
  heartbeatInterval: CONNECTION.heartbeatMs,
  heartbeatTimeout: CONNECTION.timeoutMs,
  heartbeatTimeToLive: CONNECTION.timeoutMs,
} as const;

/** What encryption adds to a frame: a name, a nonce, flags and an authenticator (https://rfc.zeromq.org/spec/26/). */
const CURVE_BYTES = 64;

/** `frameBytes`: the largest frame that either side sends. */
export const optionsOf = (endpoint: string, frameBytes: number) => ({
  ...(endpoint.startsWith("tcp:") ? HEARTBEAT : {}),
  ipv6: endpoint.includes("["),
  linger: 0,
  maxMessageSize: frameBytes + CURVE_BYTES,
});
