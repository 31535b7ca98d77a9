/** What a node's workers do, as the coordinator is told of it. Pure. */
import type { RunEvent, WorkerEvent, WorkerPhase } from "../events.js";
import type { ToCoordinator } from "../protocol/messages.js";

type Message<Type> = Extract<ToCoordinator, { type: Type }>;
type Health = Message<"heartbeats">["workers"][number];

/** Characters that the protocol takes. */
const [MAX_DEVICE, MAX_DETAIL, MAX_LOG] = [128, 4096, 16_384];

export function workerMessage(event: WorkerEvent): Message<"worker"> {
  const { event: type, device, detail, log, detection_seconds, node: _, ...rest } = event;
  return {
    type,
    ...rest,
    device: device.slice(0, MAX_DEVICE),
    ...(detail === undefined ? {} : { detail: detail.slice(0, MAX_DETAIL) }),
    ...(log === undefined ? {} : { log: log.slice(-MAX_LOG) }),
    ...(detection_seconds === undefined ? {} : { detectionSeconds: detection_seconds }),
  };
}

/** Signs of life of the node's workers since the last were passed on. */
export class Heartbeats {
  readonly #heard = new Map<number, Health>();

  observe(event: RunEvent): void {
    if (event.event !== "heartbeat") return;
    const { rank, tensors, tensor_bytes: tensorBytes, rss_bytes: rssBytes } = event;
    this.#heard.set(rank, { rank, tensors, tensorBytes, rssBytes });
  }

  take(phase: WorkerPhase): Message<"heartbeats"> {
    const workers = [...this.#heard.values()];
    this.#heard.clear();
    return { type: "heartbeats", phase, workers };
  }
}
