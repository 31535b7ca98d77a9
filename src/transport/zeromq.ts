/** ROUTER and DEALER behind the Link interfaces. The only home of zeromq. */
import { randomBytes } from "node:crypto";
import { Dealer, Router } from "zeromq";
import { CLOSING_MS, CONNECTION } from "../config/time-limits.js";
import { messageOf, UsageError } from "../errors.js";
import { LIMITS } from "../protocol/skim.js";
import { checkTcpEndpoint } from "./address.js";
import type { CoordinatorLink, Message, WorkerLink } from "./link.js";

const HEARTBEAT = {
  heartbeatInterval: CONNECTION.heartbeatMs,
  heartbeatTimeout: CONNECTION.timeoutMs,
  heartbeatTimeToLive: CONNECTION.timeoutMs,
} as const;

/** zeromq.js refuses a second send while one is under way, so each socket has one queue. */
class SendQueue {
  readonly #send: (frames: Uint8Array[]) => Promise<void>;
  readonly #failed: (frames: Uint8Array[], error: unknown) => void;
  readonly #waiting: Uint8Array[][] = [];
  #running: Promise<void> | null = null;

  constructor(send: (frames: Uint8Array[]) => Promise<void>, failed: (frames: Uint8Array[], error: unknown) => void) {
    this.#send = send;
    this.#failed = failed;
  }

  push(frames: Uint8Array[]): void {
    this.#waiting.push(frames);
    this.#running ??= this.#drain();
  }

  async #drain(): Promise<void> {
    for (let frames = this.#waiting.shift(); frames; frames = this.#waiting.shift()) {
      try {
        await this.#send(frames);
      } catch (error) {
        this.#failed(frames, error);
      }
    }
    this.#running = null;
  }

  /** Resolves once nothing is waiting. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** The same, but not for ever. */
  async idleWithin(timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMs);
    });
    await Promise.race([this.idle(), expired]);
    clearTimeout(timer);
  }

  clear(): void {
    this.#waiting.length = 0;
  }
}

const framesOf = ({ header, payload }: Message): Uint8Array[] => (payload ? [header, payload] : [header]);

const optionsOf = (endpoint: string) => ({
  ...(endpoint.startsWith("tcp:") ? HEARTBEAT : {}),
  ipv6: endpoint.includes("["),
});

/** Listens at an ipc:// or tcp:// endpoint; UsageError if that is taken, or is not this machine's own. */
export async function bindCoordinator(endpoint: string): Promise<CoordinatorLink> {
  if (!endpoint.startsWith("ipc:")) checkTcpEndpoint("--bind", endpoint);
  const socket = new Router({
    mandatory: true, // a message to a peer that is gone is an error, not a silent loss
    linger: 0,
    // No limit: a frozen peer must never block the one queue that serves all of them.
    sendHighWaterMark: 0,
    receiveHighWaterMark: 0,
    maxMessageSize: LIMITS.payloadBytes,
    ...optionsOf(endpoint),
  });
  try {
    await socket.bind(endpoint);
  } catch (error) {
    socket.close();
    throw new UsageError(
      "endpoint",
      `cannot listen at ${endpoint}: ${messageOf(error)}. Is another run using it? Choose another port.`,
    );
  }
  const dropped = new Set<string>();
  let onMessage: (peer: string, parts: readonly Uint8Array[]) => void = () => {};
  let onGone: (peer: string) => void = () => {};
  const peerOf = (frame: Uint8Array) =>
    Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString("latin1");
  const queue = new SendQueue(
    (frames) => socket.send(frames),
    ([id]) => {
      const peer = peerOf(id!);
      if (!socket.closed && !dropped.has(peer)) onGone(peer);
    },
  );
  const receive = async () => {
    try {
      for await (const [id, ...parts] of socket) {
        const peer = peerOf(id!);
        if (!dropped.has(peer)) onMessage(peer, parts);
      }
    } catch (error) {
      if (!socket.closed) throw error;
    }
  };
  let receiving: Promise<void> | null = null;
  return {
    endpoint: socket.lastEndpoint ?? endpoint,
    send: (peer, message) => queue.push([Buffer.from(peer, "latin1"), ...framesOf(message)]),
    onMessage: (handler) => {
      onMessage = handler;
      receiving ??= receive(); // what came before there was a handler waits in the socket
    },
    onGone: (handler) => {
      onGone = handler;
    },
    drop: (peer) => void dropped.add(peer),
    async close() {
      await queue.idleWithin(CLOSING_MS);
      socket.linger = CLOSING_MS; // what was handed to the socket may not have left it yet
      queue.clear();
      socket.close();
      await receiving;
    },
  };
}

/** Connects under a fresh routing id, so that a worker that comes back is never taken for its former self. */
export function connectWorker(endpoint: string): WorkerLink {
  const socket = new Dealer({
    routingId: randomBytes(12).toString("hex"),
    linger: 0,
    sendHighWaterMark: 0,
    receiveHighWaterMark: 0,
    maxMessageSize: LIMITS.payloadBytes,
    ...optionsOf(endpoint),
  });
  let connected = false;
  let onConnection: (connected: boolean) => void = () => {};
  const turn = (to: boolean) => {
    connected = to;
    onConnection(to);
  };
  // Watched before it connects: a socket keeps no events for those who come later, and a local handshake is quick.
  socket.events.on("handshake", () => turn(true));
  socket.events.on("disconnect", () => turn(false));
  socket.connect(endpoint);
  let onMessage: (parts: readonly Uint8Array[]) => void = () => {};
  const queue = new SendQueue(
    (frames) => socket.send(frames),
    () => {}, // the socket was closed meanwhile: there is no receiver
  );
  const receiving = (async () => {
    try {
      for await (const parts of socket) {
        if (parts.length <= LIMITS.parts) onMessage(parts);
      }
    } catch (error) {
      if (!socket.closed) throw error;
    }
  })();
  return {
    send: (message) => queue.push(framesOf(message)),
    onMessage: (handler) => {
      onMessage = handler;
    },
    onConnection(handler) {
      onConnection = handler;
      if (connected) handler(true);
    },
    flush: (timeoutMs) => queue.idleWithin(timeoutMs),
    async close() {
      queue.clear();
      socket.close();
      await receiving;
    },
  };
}
