/** Does something to a worker's process at a chosen message of it, before the coordinator sees that message. */
import type { RunEvent } from "../../src/events.js";
import { decodeToCoordinator } from "../../src/protocol/codec.js";
import type { ToCoordinator } from "../../src/protocol/messages.js";
import type { RunServices } from "../../src/run/context.js";
import type { CoordinatorLink } from "../../src/transport/link.js";
import { bindCoordinator } from "../../src/transport/zeromq.js";

/**
 * Observer and services for a run. The pid is that of the newest process of the message's rank, as its events tell it.
 * `andSilence`: what it said and the coordinator has not seen by then, the message itself included, is lost.
 */
export function disturbance(
  when: (message: ToCoordinator) => boolean,
  act: (pid: number) => void,
  { andSilence = false }: { andSilence?: boolean } = {},
): { observe: (event: RunEvent) => void; services: RunServices } {
  const pids = new Map<number, number>();
  const look = (message: ToCoordinator) => {
    if (!("rank" in message && when(message))) return true;
    act(pids.get(message.rank)!);
    return !andSilence;
  };
  return {
    observe: (event) => {
      if (event.event === "worker" && event.pid !== null) pids.set(event.rank, event.pid);
    },
    services: { listen: async (endpoint, keys) => tapped(await bindCoordinator(endpoint, keys), look) },
  };
}

/** What is done to a worker's process, once, at the first message that fits. */
export interface Disturbance {
  when: (message: ToCoordinator) => boolean;
  act: (pid: number) => void;
}

/** Observer and services of a run in which all of them happen, each once. */
export function disturbances(all: readonly Disturbance[]): ReturnType<typeof disturbance> {
  const waiting = [...all];
  let due: Disturbance | undefined;
  return disturbance(
    (message) => {
      const at = waiting.findIndex(({ when }) => when(message));
      due = at < 0 ? undefined : waiting.splice(at, 1)[0];
      return due !== undefined;
    },
    (pid) => due!.act(pid),
  );
}

function tapped(link: CoordinatorLink, look: (message: ToCoordinator) => boolean): CoordinatorLink {
  const silenced = new Set<string>();
  return {
    ...link,
    onMessage: (handler) =>
      link.onMessage((peer, parts) => {
        const decoded = decodeToCoordinator(parts);
        if (silenced.has(peer)) return;
        if (decoded.ok && !look(decoded.message)) silenced.add(peer);
        else handler(peer, parts);
      }),
  };
}
