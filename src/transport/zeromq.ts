/** The coordinator's ROUTER behind its Link. */
import { Router } from "zeromq";
import { systemClock, within } from "../clock.js";
import { CLOSING_MS, KEYS_LOOK_MS, PROBE_MS } from "../config/time-limits.js";
import { messageOf, UsageError } from "../errors.js";
import { WIRE } from "../limits.js";
import { checkPrivate, checkTcpEndpoint } from "./address.js";
import { openAdmission, Peers } from "./admission.js";
import { keepWritable } from "./company.js";
import { Door } from "./door.js";
import { framesOf, partsOf, payloadBytesOf } from "./frames.js";
import type { CoordinatorKeys } from "./keys.js";
import type { CoordinatorLink, Message } from "./link.js";
import { Outbox, PROBE, receiptBytes, receiptOf } from "./outbox.js";
import { Plugs } from "./plugs.js";
import { SendQueue } from "./send-queue.js";
import { optionsOf } from "./socket-options.js";
import { Unheard } from "./unheard.js";

/**
 * With `keys`, only those come in whose key is allowed, and what travels is encrypted. Null is for an ipc:// endpoint in a folder
 * that only this user can enter. UsageError if the endpoint is taken, or is not this machine's own.
 */
export async function bindCoordinator(endpoint: string, keys: CoordinatorKeys | null): Promise<CoordinatorLink> {
  if (endpoint.startsWith("ipc:")) checkPrivate(endpoint);
  else checkTcpEndpoint("--bind", endpoint);
  if (keys === null && !endpoint.startsWith("ipc:"))
    throw new UsageError(
      "keys",
      `${endpoint}: everybody on this machine could connect there; an address on TCP needs keys`,
    );
  return bind(endpoint, keys);
}

/** For measuring alone: without keys, on any address. Everybody who reaches it comes in. */
export const bindUnprotected = (endpoint: string): Promise<CoordinatorLink> => bind(endpoint, null);

async function bind(endpoint: string, keys: CoordinatorKeys | null): Promise<CoordinatorLink> {
  const peers = keys && new Peers(keys, systemClock.now);
  const admission = keys && (await openAdmission(keys, peers!));
  const plugs = admission && new Plugs(admission.context);
  const frameBytes = keys ? WIRE.frameBytes : WIRE.payloadBytes;
  const socket = new Router({
    mandatory: true, // a message to a peer that is gone is an error, not a silent loss
    // No limit: a frozen peer must never block the one queue that serves all of them. Its outbox bounds what it is sent.
    sendHighWaterMark: 0,
    receiveHighWaterMark: 0,
    ...optionsOf(endpoint, frameBytes),
    ...admission?.options,
  });
  let onRefused: (reason: "key" | "handshake", count: number) => void = () => {};
  // Watched before it listens: a socket keeps no events for those who come later.
  const door = new Door();
  socket.events.on("accept", () => door.came());
  socket.events.on("handshake", () => door.proved());
  socket.events.on("handshake:error:protocol", () => door.failed());
  socket.events.on("handshake:error:other", () => door.failed());
  socket.events.on("handshake:error:auth", () => {
    door.proved(); // that it has a key, which is not allowed
    onRefused("key", 1);
  });
  let boundTo: string;
  let endCompany = () => {};
  try {
    await socket.bind(endpoint);
    boundTo = socket.lastEndpoint ?? endpoint;
    await plugs?.open(socket);
    endCompany = await keepWritable(socket, admission?.context);
  } catch (error) {
    socket.close();
    await admission?.close();
    throw new UsageError(
      "endpoint",
      `cannot listen at ${endpoint}: ${messageOf(error)}. Is another run using it? Choose another port.`,
    );
  }
  const unheard = new Unheard();
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
      if (!socket.closed && !unheard.has(peer)) onGone(peer, null);
    },
  );
  /** Nothing of it is heard any more; its connection stays, until it closes it or sends too much. */
  const cut = (peer: string) => {
    unheard.add(peer);
    outboxes.delete(peer);
    present.delete(peer);
  };
  const sendNow = (peer: string, message: Message) =>
    queue.push([Buffer.from(peer, "latin1"), ...framesOf(message, frameBytes)]);
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
      for await (const [id, ...frames] of socket) {
        const peer = peerOf(id!);
        if (unheard.has(peer)) {
          const bytes = frames.reduce((sum, { byteLength }) => sum + byteLength, 0);
          if (unheard.tooMuch(peer, bytes)) plugs?.cut(id!);
          continue;
        }
        if (peers && !peers.accepts(peer, id!)) {
          onRefused("key", 1);
          cut(peer);
          continue;
        }
        const parts = partsOf(frames, frameBytes);
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
  const looking =
    peers &&
    setInterval(() => {
      const refused = door.look(systemClock.now());
      if (refused > 0) onRefused("handshake", refused);
      for (const peer of peers.revoked()) {
        onGone(peer, "its key was revoked");
        cut(peer);
      }
    }, KEYS_LOOK_MS).unref();
  return {
    endpoint: boundTo,
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
    cut(peer, ban) {
      cut(peer);
      if (ban) peers?.ban(peer);
      peers?.forget(peer);
    },
    async close() {
      clearInterval(looking ?? undefined);
      clearTimeout(probing ?? undefined);
      await within(queue.idle(), CLOSING_MS);
      socket.linger = CLOSING_MS; // what was handed to the socket may not have left it yet
      queue.clear();
      socket.close();
      endCompany();
      await receiving;
      await admission?.close();
    },
  };
}
