/** ROUTER and DEALER behind the Link interfaces. The only home of zeromq. */
import { randomBytes } from "node:crypto";
import { Dealer, Router } from "zeromq";
import { within } from "../clock.js";
import { CLOSING_MS, CONNECTION, PROBE_MS } from "../config/time-limits.js";
import { messageOf, UsageError } from "../errors.js";
import { LIMITS } from "../protocol/skim.js";
import { checkTcpEndpoint } from "./address.js";
import { openAdmission, Peers, watchPeers } from "./admission.js";
import { type CoordinatorKeys, peerId, type WorkerKey } from "./keys.js";
import type { CoordinatorLink, Message, WorkerLink } from "./link.js";
import { Outbox, PROBE, receiptBytes, receiptOf } from "./outbox.js";
import { SendQueue } from "./send-queue.js";

const HEARTBEAT = {
  heartbeatInterval: CONNECTION.heartbeatMs,
  heartbeatTimeout: CONNECTION.timeoutMs,
  heartbeatTimeToLive: CONNECTION.timeoutMs,
} as const;

/** How ZeroMQ tells a worker of each, with keys on both sides. */
const REFUSALS = [
  ["handshake:error:auth", "the coordinator does not allow this worker's key"],
  ["handshake:error:other", "the coordinator has another key than the one that this worker's key was made for"],
  ["handshake:error:protocol", "the other side does not speak cnn-dist's protocol with keys"],
] as const;

const framesOf = ({ header, payload }: Message): Uint8Array[] => (payload ? [header, payload] : [header]);

/** Of a message that is as it should be: a header, then a payload. What is not costs its sender the window. */
const payloadBytesOf = (parts: readonly Uint8Array[]): number => (parts.length === 2 ? parts[1]!.byteLength : 0);

const optionsOf = (endpoint: string) => ({
  ...(endpoint.startsWith("tcp:") ? HEARTBEAT : {}),
  ipv6: endpoint.includes("["),
});

/**
 * With `keys`, only those come in whose key is allowed, and what travels is encrypted; null is for a private ipc:// endpoint
 * (and for measuring): everybody who reaches it comes in.
 * UsageError if the endpoint is taken, or is not this machine's own.
 */
export async function bindCoordinator(endpoint: string, keys: CoordinatorKeys | null): Promise<CoordinatorLink> {
  if (!endpoint.startsWith("ipc:")) checkTcpEndpoint("--bind", endpoint);
  const admission = keys && (await openAdmission(keys));
  const peers = keys && new Peers(keys);
  const socket = new Router({
    mandatory: true, // a message to a peer that is gone is an error, not a silent loss
    linger: 0,
    // No limit: a frozen peer must never block the one queue that serves all of them. Its outbox bounds what it is sent.
    sendHighWaterMark: 0,
    receiveHighWaterMark: 0,
    maxMessageSize: LIMITS.payloadBytes,
    ...optionsOf(endpoint),
    ...admission?.options,
  });
  let onRefused = () => {};
  // Watched before it listens: a socket keeps no events for those who come later.
  for (const failure of ["handshake:error:auth", "handshake:error:protocol", "handshake:error:other"] as const)
    socket.events.on(failure, () => onRefused());
  try {
    await socket.bind(endpoint);
  } catch (error) {
    socket.close();
    await admission?.close();
    throw new UsageError(
      "endpoint",
      `cannot listen at ${endpoint}: ${messageOf(error)}. Is another run using it? Choose another port.`,
    );
  }
  const dropped = new Set<string>();
  /** Peers that were heard of and are not known to be gone. */
  const present = new Set<string>();
  /** Of peers that were sent payloads. */
  const outboxes = new Map<string, Outbox<Message>>();
  let onMessage: (peer: string, parts: readonly Uint8Array[]) => void = () => {};
  let onGone: (peer: string, why: string | null) => void = () => {};
  const peerOf = (frame: Uint8Array) =>
    Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString("latin1");
  const queue = new SendQueue(
    (frames) => socket.send(frames),
    ([id]) => {
      const peer = peerOf(id!);
      outboxes.delete(peer);
      present.delete(peer);
      peers?.forget(peer);
      if (!socket.closed && !dropped.has(peer)) onGone(peer, null);
    },
  );
  const sendNow = (peer: string, message: Message) => queue.push([Buffer.from(peer, "latin1"), ...framesOf(message)]);
  // The socket says that a connection has ended, but not whose it was: a word to each peer finds who is gone.
  let probing: NodeJS.Timeout | null = null;
  const probe = () => {
    probing = null;
    for (const peer of present) sendNow(peer, { header: PROBE });
  };
  socket.events.on("disconnect", () => {
    if (!socket.closed) probing ??= setTimeout(probe, PROBE_MS).unref();
  });
  const send = (peer: string, message: Message) => {
    let outbox = outboxes.get(peer);
    if (!outbox && !message.payload) return sendNow(peer, message);
    if (!outbox) {
      outbox = new Outbox((next) => sendNow(peer, next));
      outboxes.set(peer, outbox);
    }
    outbox.push(message);
  };
  const receive = async () => {
    try {
      for await (const [id, ...parts] of socket) {
        const peer = peerOf(id!);
        if (dropped.has(peer)) continue;
        if (peers && !peers.accepts(peer, id!)) {
          onRefused();
          continue;
        }
        const taken = receiptBytes(parts);
        if (taken !== null) {
          outboxes.get(peer)?.taken(taken);
          continue;
        }
        present.add(peer);
        onMessage(peer, parts);
        const bytes = payloadBytesOf(parts);
        if (bytes > 0) sendNow(peer, { header: receiptOf(bytes) });
      }
    } catch (error) {
      if (!socket.closed) throw error;
    }
  };
  let receiving: Promise<void> | null = null;
  const stopWatching =
    peers &&
    watchPeers(peers, (peer) => {
      onGone(peer, "its key was revoked");
      dropped.add(peer);
      present.delete(peer);
      outboxes.delete(peer);
    });
  return {
    endpoint: socket.lastEndpoint ?? endpoint,
    send,
    sendLast(peer, message) {
      outboxes.delete(peer);
      sendNow(peer, message);
    },
    onMessage: (handler) => {
      onMessage = handler;
      receiving ??= receive(); // what came before there was a handler waits in the socket
    },
    onGone: (handler) => {
      onGone = handler;
    },
    onRefused: (handler) => {
      onRefused = handler;
    },
    drop(peer) {
      dropped.add(peer);
      present.delete(peer);
      outboxes.delete(peer);
      peers?.forget(peer);
    },
    async close() {
      stopWatching?.();
      clearTimeout(probing ?? undefined);
      await within(queue.idle(), CLOSING_MS);
      socket.linger = CLOSING_MS; // what was handed to the socket may not have left it yet
      queue.clear();
      socket.close();
      await receiving;
      await admission?.close();
    },
  };
}

/**
 * Connects under a fresh routing id, so that a worker that comes back is never taken for its former self. `key`: null for
 * a private socket.
 */
export function connectWorker(endpoint: string, key: WorkerKey | null): WorkerLink {
  const socket = new Dealer({
    ...(key === null
      ? { routingId: randomBytes(12).toString("hex") }
      : {
          routingId: peerId(key) as unknown as string, // zeromq.js takes bytes as well, whatever its types say
          curveServerKey: key.coordinator,
          curvePublicKey: key.public,
          curveSecretKey: key.secret,
        }),
    linger: 0,
    sendHighWaterMark: 0,
    receiveHighWaterMark: 0,
    maxMessageSize: LIMITS.payloadBytes,
    ...optionsOf(endpoint),
  });
  let connected = false;
  let lost = false;
  let onConnection: (connected: boolean) => void = () => {};
  const turn = (to: boolean) => {
    // Receipts may be lost with a connection: what was on its way either way is there, or will not come.
    if (to && lost) queue.push([receiptOf(Number.MAX_SAFE_INTEGER)]);
    if (!to) outbox.taken(Number.POSITIVE_INFINITY);
    connected = to;
    lost ||= !to;
    onConnection(to);
  };
  let onMessage: (parts: readonly Uint8Array[]) => void = () => {};
  const queue = new SendQueue(
    (frames) => socket.send(frames),
    () => {}, // the socket was closed meanwhile: there is no receiver
  );
  const outbox = new Outbox<Message>((message) => queue.push(framesOf(message)));
  // Watched before it connects: a socket keeps no events for those who come later, and a local handshake is quick.
  socket.events.on("handshake", () => turn(true));
  socket.events.on("disconnect", () => turn(false));
  let onRefused: (why: string) => void = () => {};
  let refused: string | null = null;
  for (const [failure, why] of REFUSALS)
    socket.events.on(failure, () => {
      refused = why;
      onRefused(why);
    });
  socket.connect(endpoint);
  const receiving = (async () => {
    try {
      for await (const parts of socket) {
        if (parts.length > LIMITS.parts) continue;
        const taken = receiptBytes(parts);
        if (taken !== null) {
          outbox.taken(taken);
          continue;
        }
        onMessage(parts);
        const bytes = payloadBytesOf(parts);
        if (bytes > 0) queue.push([receiptOf(bytes)]);
      }
    } catch (error) {
      if (!socket.closed) throw error;
    }
  })();
  return {
    send: (message) => outbox.push(message),
    onMessage: (handler) => {
      onMessage = handler;
    },
    onConnection(handler) {
      onConnection = handler;
      if (connected) handler(true);
    },
    onRefused(handler) {
      onRefused = handler;
      if (refused !== null) handler(refused);
    },
    flush: (timeoutMs) =>
      within(
        outbox.empty().then(() => queue.idle()),
        timeoutMs,
      ),
    async close() {
      outbox.clear();
      queue.clear();
      socket.close();
      await receiving;
    },
  };
}
