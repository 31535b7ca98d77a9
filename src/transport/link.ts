/**
 * How the two sides see the wire: whole messages in, whole messages out. ZeroMQ is behind these interfaces; tests use
 * fakes in memory. A message is a header (encoded by src/protocol) and at most one tensor frame.
 */
export interface Message {
  header: Uint8Array;
  payload?: Uint8Array;
}

/** The coordinator's side: many peers, each a routing id of its own. */
export interface CoordinatorLink {
  /** What workers connect to, e.g. ipc:///run/…/coordinator.sock or tcp://127.0.0.1:5555. */
  readonly endpoint: string;
  /**
   * Queues a message; never blocks on a slow peer, to which no more than a window of bytes is on its way at a time. The
   * payload is not copied: it must stay as it is until the peer has answered to it. A peer that is gone is reported
   * through `onGone`, never thrown.
   */
  send(peer: string, message: Message): void;
  /** The same, but what still waits for this peer is not sent any more: nothing matters to it after this message. */
  sendLast(peer: string, message: Message): void;
  /** One handler each; called in the order of arrival, a peer's messages in the order of its sends. */
  onMessage(handler: (peer: string, parts: readonly Uint8Array[]) => void): void;
  onGone(handler: (peer: string, why: string | null) => void): void;
  /**
   * Connections that got nothing, and of which nothing was heard: `key`, one that is not allowed, or none proved by what was sent;
   * `handshake`, no CURVE, another coordinator's key, or nothing within the time.
   */
  onRefused(handler: (reason: "key" | "handshake", count: number) => void): void;
  /** What the peer sends from now on is dropped; `ban`: and its key gets no new connection for a while. */
  cut(peer: string, ban: boolean): void;
  /** Messages that are queued are still sent, for a moment. */
  close(): Promise<void>;
}

/** A worker's side. */
export interface WorkerLink {
  /** Queues a message, whose payload is not copied: it must stay as it is until the coordinator has answered to it. */
  send(message: Message): void;
  onMessage(handler: (parts: readonly Uint8Array[]) => void): void;
  /** Called when the other side is reached, and when it is lost; not when another try to reach it fails. */
  onConnection(handler: (connected: boolean) => void): void;
  /** Called when the two sides do not accept each other's keys. */
  onRefused(handler: (why: string) => void): void;
  /** Resolves when everything queued so far was handed to the socket, or after `timeoutMs`. */
  flush(timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}
