/** Typed messages over the link, and how many bytes of payload went through it. */
import { asBytes } from "../parameters/bytes.js";
import { type Decoded, decodeToCoordinator, encode } from "../protocol/codec.js";
import type { ToCoordinator, ToWorker } from "../protocol/messages.js";
import type { CoordinatorLink } from "../transport/link.js";

export class Channel {
  readonly #link: CoordinatorLink;
  readonly #exchanged = { in: 0, out: 0 };

  constructor(link: CoordinatorLink) {
    this.#link = link;
  }

  /** Bytes of payload since the start. */
  exchanged(): { in: number; out: number } {
    return { ...this.#exchanged };
  }

  send(peer: string, message: ToWorker, payload?: Float32Array): void {
    if (payload) this.#exchanged.out += payload.byteLength;
    this.#link.send(peer, { header: encode(message), ...(payload && { payload: asBytes(payload) }) });
  }

  /** Sends what ends a peer's part in the run: what it was to get before is not sent any more. */
  sendLast(peer: string, message: Extract<ToWorker, { type: "stop" | "evict" | "refuse" }>): void {
    this.#link.sendLast(peer, { header: encode(message) });
  }

  decode(parts: readonly Uint8Array[]): Decoded<ToCoordinator> {
    const decoded = decodeToCoordinator(parts);
    if (decoded.ok && decoded.payload) this.#exchanged.in += decoded.payload.byteLength;
    return decoded;
  }

  /** Forgets a peer: what it sends from now on is dropped. */
  drop(peer: string): void {
    this.#link.drop(peer);
  }
}
