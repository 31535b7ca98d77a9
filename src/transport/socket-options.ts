/** What the sockets of both sides have in common. */

/** What encryption adds to a frame: a name, a nonce, flags and an authenticator (https://rfc.zeromq.org/spec/26/). */
const CURVE_BYTES = 64;

/** `frameBytes`: the largest frame that either side sends. */
export const optionsOf = (endpoint: string, frameBytes: number) => ({
  ipv6: endpoint.includes("["),
  linger: 0,
  maxMessageSize: frameBytes + CURVE_BYTES,
});
