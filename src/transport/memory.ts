/** Links within one process, for tests: same interfaces, same order of delivery, every message copied. */
import type { CoordinatorLink, Message, WorkerLink } from "./link.js";

export interface MemoryNetwork {
  coordinator: CoordinatorLink;
  /** A new worker's link; `silence` cuts it off in both directions, as a frozen process would be. */
  connect(): WorkerLink & { peer: string; silence(): void; wake(): void };
}

export function memoryNetwork(): MemoryNetwork {
  const toWorkers = new Map<string, (parts: readonly Uint8Array[]) => void>();
  const dropped = new Set<string>();
  let toCoordinator: (peer: string, parts: readonly Uint8Array[]) => void = () => {};
  let closed = false;
  let peers = 0;
  const copy = ({ header, payload }: Message) => (payload ? [header.slice(), payload.slice()] : [header.slice()]);
  const send = (peer: string, message: Message) => {
    const parts = copy(message);
    queueMicrotask(() => toWorkers.get(peer)?.(parts));
  };
  return {
    coordinator: {
      endpoint: "memory://",
      send,
      sendLast: send,
      onMessage(handler) {
        toCoordinator = handler;
      },
      onGone() {},
      onRefused() {},
      cut: (peer) => void dropped.add(peer),
      async close() {
        closed = true;
      },
    },
    connect() {
      const peer = `peer-${peers++}`;
      let frozen = false;
      const held: (() => void)[] = [];
      const deliver = (act: () => void) => {
        if (frozen) held.push(act);
        else act();
      };
      return {
        peer,
        silence() {
          frozen = true;
        },
        wake() {
          frozen = false;
          for (const act of held.splice(0)) act();
        },
        send(message) {
          const parts = copy(message);
          queueMicrotask(() =>
            deliver(() => {
              if (!closed && !dropped.has(peer)) toCoordinator(peer, parts);
            }),
          );
        },
        onMessage(handler) {
          toWorkers.set(peer, (parts) => deliver(() => handler(parts)));
        },
        onConnection() {},
        onRefused() {},
        async flush() {},
        async close() {
          toWorkers.delete(peer);
        },
      };
    },
  };
}
