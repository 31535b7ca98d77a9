/** What a worker's messages say of what it does. Pure, but for the time of day that an event carries. */
import type { HeartbeatEvent, WorkerPhase } from "../events.js";
import type { ToCoordinator } from "../protocol/messages.js";

/** Null: nothing that was not known. */
export function phaseTold(message: ToCoordinator): WorkerPhase | null {
  switch (message.type) {
    case "progress":
      return "joining";
    case "heartbeat":
    case "heartbeats":
      return message.phase;
    case "loss":
      return "computing";
    case "bucket":
      return "writing";
    case "finished":
    case "evaluated":
      return "waiting";
    default:
      return null;
  }
}

export function heartbeatEvent({
  rank,
  tensors,
  tensorBytes,
  rssBytes,
}: Extract<ToCoordinator, { type: "heartbeats" }>["workers"][number]): HeartbeatEvent {
  return {
    event: "heartbeat",
    rank,
    timestamp: Date.now() / 1000,
    tensors,
    tensor_bytes: tensorBytes,
    rss_bytes: rssBytes,
  };
}
