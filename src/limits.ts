/**
 * How much of anything may come from elsewhere. docs/security.md has these as a table, which a test holds it to. Limits of
 * time lie in config/time-limits.ts.
 */

/** Of messages, whoever sends them. */
export const WIRE = {
  /** Of a message's parts: a header, and one raw payload. */
  parts: 2,
  headerBytes: 256 * 1024,
  /** Of one that is no member yet: it says hello, and no more. */
  helloBytes: 4096,
  depth: 8,
  elements: 65_536,
  /** A bucket, the state, or a user model's values. VGG's largest kernel has 411 MB. */
  payloadBytes: 1024 ** 3,
  /**
   * Of one frame over TCP; a payload travels in slices. Before it knows who is there, ZeroMQ makes room for one frame of any
   * connection, and a stranger's first frame must not cost much.
   */
  frameBytes: 256 * 1024,
  /** Payload on its way to one peer: more is sent once some of it was taken. One payload may exceed it, alone. */
  windowBytes: 32 * 1024 * 1024,
  /** Messages of one connection that wait in the coordinator's socket; the kernel holds up what comes then. */
  waitingMessages: 256,
} as const;

/** Of those who are members, or want to be. */
export const PEERS = {
  /** Workers from elsewhere that may stand by beyond those that have work: each costs a place that anybody may take. */
  spares: 8,
  /** Messages that a peer may get wrong before it is cut off. */
  strikes: 20,
  /** Peers whose strikes, and whose end, are remembered; a flood of new peers forgets the oldest. */
  remembered: 1024,
  /** Messages that still come from a peer that is cut off, or `windowBytes`, before its connection is read no more. */
  unheard: 256,
  /** What a member may send unasked (signs of life, what is late or comes twice): so much at once, and so much a second. A message counts as one and its header's KiB. */
  unaskedAtOnce: 2000,
  unaskedASecond: 100,
} as const;

/** Of the HTTP server: Prometheus keeps one connection, a page one or two, probes open one each. */
export const HTTP = {
  connections: 64,
  headerBytes: 8192,
  requestsPerConnection: 10_000,
} as const;
