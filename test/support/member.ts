import type { Member } from "../../src/membership/roster.js";

/** A worker that has joined. */
export function member(rank: number, exchange: Member["exchange"] = "frames"): Member {
  return {
    peer: `peer-${rank}`,
    rank,
    incarnation: 0,
    pid: 1,
    host: "here",
    device: "cpu",
    local: true,
    node: null,
    exchange,
    state: "ready",
    lastHeard: 0,
    phase: "waiting",
    phaseSince: 0,
    tensors: 0,
    tensorBytes: 0,
  };
}
