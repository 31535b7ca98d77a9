/** A worker's DEALER behind its Link. */
import { randomBytes } from "node:crypto";
import { Dealer } from "zeromq";
import { within } from "../clock.js";
import { CLOSING_MS, CONNECTION } from "../config/time-limits.js";
import { WIRE } from "../limits.js";
import { framesOf, partsOf, payloadBytesOf } from "./frames.js";
import { peerId, type WorkerKey } from "./keys.js";
import type { Message, WorkerLink } from "./link.js";
import { Outbox, receiptBytes, receiptOf } from "./outbox.js";
import { SendQueue } from "./send-queue.js";
import { optionsOf } from "./socket-options.js";

/**
 * Of connections over TCP. The worker's side alone asks whether the other is still there, and says after how long without a
 * question the other is to give it up. A socket that has stopped reading a peer (one that was cut off, or sends more than is
 * taken) must not ask it: libzmq 4.3.5 aborts the process when such a peer's connection is reset before the next question.
 */
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

/**
 * Connects under a fresh routing id, so that a worker that comes back is never taken for its former self. `key`: null for
 * a private socket.
 */
export function connectWorker(endpoint: string, key: WorkerKey | null): WorkerLink {
  const frameBytes = key ? WIRE.frameBytes : WIRE.payloadBytes;
  const socket = new Dealer({
    ...(key === null
      ? { routingId: randomBytes(12).toString("hex") }
      : {
          routingId: peerId(key) as unknown as string, // zeromq.js takes bytes as well, whatever its types say
          curveServerKey: key.coordinator,
          curvePublicKey: key.public,
          curveSecretKey: key.secret,
        }),
    sendHighWaterMark: 0,
    receiveHighWaterMark: 0,
    ...(endpoint.startsWith("tcp:") ? HEARTBEAT : {}),
    ...optionsOf(endpoint, frameBytes),
  });
  let connected = false;
  let lost = false;
  let onConnection: (connected: boolean) => void = () => {};
  const turn = (to: boolean) => {
    if (!to && !connected) return; // whoever listens there closed before the handshake: a relay without a coordinator, say
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
  const outbox = new Outbox<Message>((message) => queue.push(framesOf(message, frameBytes)));
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
      for await (const frames of socket) {
        const parts = partsOf(frames, frameBytes);
        if (parts.length > WIRE.parts) continue;
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
      // Without a moment to end in, ZeroMQ aborts the process if the connection fails while a message of several frames is half sent.
      socket.linger = CLOSING_MS;
      socket.close();
      await receiving;
    },
  };
}
