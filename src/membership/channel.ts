/** Typed messages over the link, and how many bytes of payload went through it. */
import { asBytes } from "../parameters/bytes.js";
import { type Decoded, decodeToCoordinator, encode } from "../protocol/codec.js";
import type { ToCoordinator, ToWorker } from "../protocol/messages.js";
import type { CoordinatorLink } from "../transport/link.js";

interface Bytes {
  in: number;
  out: number;
}

export interface Exchanged extends Bytes {
  /** By the nodes' numbers. */
  nodes: ReadonlyMap<number, Bytes>;
}

export class Channel {
  readonly #link: CoordinatorLink;
  readonly #exchanged: Bytes = { in: 0, out: 0 };
  readonly #nodes = new Map<number, Bytes>();

  constructor(link: CoordinatorLink) {
    this.#link = link;
  }

  /** Bytes of payload since the start. */
  exchanged(): Exchanged {
    return { ...this.#exchanged, nodes: new Map([...this.#nodes].map(([node, bytes]) => [node, { ...bytes }])) };
  }

  /** Payload that came from a node, or goes to it. */
  countOf(node: number, direction: keyof Bytes, bytes: number): void {
    const counted = this.#nodes.get(node) ?? { in: 0, out: 0 };
    this.#nodes.set(node, counted);
    counted[direction] += bytes;
  }

  send(peer: string, message: ToWorker, payload?: Float32Array): void {
    if (payload) this.#exchanged.out += payload.byteLength;
    this.#link.send(peer, { header: encode(message), ...(payload && { payload: asBytes(payload) }) });
  }

  /** Sends what ends a peer's part in the run: what it was to get before is not sent any more. */
  sendLast(peer: string, message: Extract<ToWorker, { type: "stop" | "evict" | "refuse" }>): void {
    this.#link.sendLast(peer, { header: encode(message) });
  }

  /** `headerBytes`: of a peer that may say less than others. */
  decode(parts: readonly Uint8Array[], headerBytes?: number): Decoded<ToCoordinator> {
    const decoded = decodeToCoordinator(parts, headerBytes);
    if (decoded.ok && decoded.payload) this.#exchanged.in += decoded.payload.byteLength;
    return decoded;
  }

  /** What the peer sends from now on is dropped; `ban`: and its key gets no new connection for a while. */
  cut(peer: string, ban: boolean): void {
    this.#link.cut(peer, ban);
  }
}

/** What went through it between two looks. */
export function exchangedSince(before: Exchanged, after: Exchanged): Exchanged {
  return { in: after.in - before.in, out: after.out - before.out, nodes: differences(before.nodes, after.nodes) };
}

function differences(before: Exchanged["nodes"], after: Exchanged["nodes"]): Exchanged["nodes"] {
  return new Map(
    [...after].map(([node, bytes]) => {
      const earlier = before.get(node) ?? { in: 0, out: 0 };
      return [node, { in: bytes.in - earlier.in, out: bytes.out - earlier.out }];
    }),
  );
}
