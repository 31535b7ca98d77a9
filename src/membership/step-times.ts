/** When each rank did its part of a step, from what the workers say: in the coordinator's time, and within the step. */
import { MAX_SPANS, type Timing } from "../protocol/messages.js";
import type { Member } from "./roster.js";
import { WorkerClock } from "./worker-clock.js";
import type { RankTimes } from "./workers.js";

/** Spans of one rank in one step that are kept: many shards of a large network have more. */
const MAX_RANK_SPANS = 16_384;

/** Of the members of a run, as long as they are members. */
export class WorkerClocks {
  readonly #clocks = new WeakMap<Member, WorkerClock>();

  /** What to add to the member's time; zero for a process of this machine. `assignedMs`: when its work was sent. */
  offsetMs(member: Member, timing: Timing, { assignedMs, receivedMs }: { assignedMs: number; receivedMs: number }) {
    if (member.local) return 0;
    const clock = this.#clocks.get(member) ?? new WorkerClock();
    this.#clocks.set(member, clock);
    clock.received(assignedMs, timing.assignedMs);
    clock.sent(timing.sentMs, receivedMs);
    return clock.offsetMs;
  }
}

/** What `earlier` ranges of shards and one more took of a rank. A worker's word is trusted no further than the step is long. */
export function rankTimes(
  earlier: RankTimes | undefined,
  timing: Timing,
  at: { shards: number; offsetMs: number; stepMs: number; receivedMs: number },
): RankTimes {
  const { stepMs, receivedMs, offsetMs } = at;
  const here = (ms: number) => Math.min(receivedMs, Math.max(stepMs, ms + offsetMs));
  const atMost = (ms: number) => Math.min(ms, receivedMs - stepMs);
  const began = here(timing.beganMs);
  const computing = here(timing.computingMs);
  const ended = here(timing.sentMs);
  const spans = timing.spans.map(([what, shard, bucket, startMs, endMs]) => ({
    what,
    shard,
    ...(bucket < 0 ? {} : what === "device" ? { device: bucket } : { bucket }),
    startMs: here(startMs),
    endMs: Math.max(here(startMs), here(endMs)),
  }));
  return {
    shards: (earlier?.shards ?? 0) + at.shards,
    beganMs: Math.min(earlier?.beganMs ?? began, began),
    computingMs: Math.min(earlier?.computingMs ?? computing, computing),
    endedMs: Math.max(earlier?.endedMs ?? ended, ended),
    inputMs: (earlier?.inputMs ?? 0) + atMost(timing.inputMs),
    computeMs: (earlier?.computeMs ?? 0) + atMost(timing.computeMs),
    writeMs: (earlier?.writeMs ?? 0) + atMost(timing.writeMs),
    spans: [...(earlier?.spans ?? []), ...spans].slice(0, MAX_RANK_SPANS),
  };
}

/** The same for another process to tell: of a node's worker, which was given its shards after the node was, at `assignedMs`. */
export function timingOf(times: RankTimes, assignedMs: number): Timing {
  const { beganMs, computingMs, endedMs, inputMs, computeMs, writeMs, spans } = times;
  return {
    assignedMs,
    beganMs,
    computingMs,
    sentMs: endedMs,
    inputMs,
    computeMs,
    writeMs,
    spans: spans
      .slice(0, MAX_SPANS)
      .map(({ what, shard, bucket, device, startMs, endMs }) => [what, shard, bucket ?? device ?? -1, startMs, endMs]),
  };
}
