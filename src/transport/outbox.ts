/**
 * Flow control between two sockets: a sender keeps what it sends within a window until the other side has taken it, each
 * peer by itself. So a slow or frozen peer holds up nobody else, and no memory fills with what it does not read. Pure.
 */

import { WIRE } from "../limits.js";

interface Sized {
  payload?: Uint8Array;
}

/** Messages to one peer, in their order. */
export class Outbox<Message extends Sized> {
  readonly #send: (message: Message) => void;
  readonly #windowBytes: number;
  readonly #waiting: Message[] = [];
  #inFlight = 0;
  #emptied: () => void = () => {};

  constructor(send: (message: Message) => void, windowBytes: number = WIRE.windowBytes) {
    this.#send = send;
    this.#windowBytes = windowBytes;
  }

  push(message: Message): void {
    this.#waiting.push(message);
    this.#drain();
  }

  /** The peer has taken so many bytes of payload; Infinity: whatever was on its way is there or lost. */
  taken(bytes: number): void {
    this.#inFlight = Math.max(0, this.#inFlight - bytes);
    this.#drain();
  }

  /** What waits is not sent any more. */
  clear(): void {
    this.#waiting.length = 0;
    this.#emptied();
  }

  /** Resolves once nothing waits any more. */
  async empty(): Promise<void> {
    while (this.#waiting.length > 0)
      await new Promise<void>((resolve) => {
        this.#emptied = resolve;
      });
  }

  #drain(): void {
    for (let next = this.#waiting[0]; next; next = this.#waiting[0]) {
      const bytes = next.payload?.byteLength ?? 0;
      if (bytes > 0 && this.#inFlight > 0 && this.#inFlight + bytes > this.#windowBytes) return;
      this.#waiting.shift();
      this.#inFlight += bytes;
      this.#send(next);
    }
    this.#emptied();
  }
}

/** First byte of a receipt: no msgpack value begins with it, so no header can be taken for one. */
const RECEIPT = 0xc1;
const RECEIPT_BYTES = 9;

/** What a receiver answers to each payload: a message of one part, the mark and the bytes taken as a double. */
export function receiptOf(bytes: number): Uint8Array {
  const receipt = new Uint8Array(RECEIPT_BYTES);
  receipt[0] = RECEIPT;
  new DataView(receipt.buffer).setFloat64(1, bytes);
  return receipt;
}

/** A receipt of nothing: it changes nothing, and whether it can be sent says whether the peer is there. */
export const PROBE = receiptOf(0);

/** The bytes that a receipt names; null if the message is none. */
export function receiptBytes(parts: readonly Uint8Array[]): number | null {
  const [part] = parts;
  if (parts.length !== 1 || part?.byteLength !== RECEIPT_BYTES || part[0] !== RECEIPT) return null;
  const bytes = new DataView(part.buffer, part.byteOffset).getFloat64(1);
  return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : null;
}
