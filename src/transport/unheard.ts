/** Peers that are not heard any more, and how much still comes from them. Pure. */
import { PEERS, WIRE } from "../limits.js";

export class Unheard {
  readonly #came = new Map<string, { messages: number; bytes: number }>();

  /** The oldest are forgotten when there are too many. */
  add(peer: string): void {
    this.#came.delete(peer);
    this.#came.set(peer, { messages: 0, bytes: 0 });
    if (this.#came.size > PEERS.remembered) this.#came.delete(this.#came.keys().next().value!);
  }

  has(peer: string): boolean {
    return this.#came.has(peer);
  }

  /** A message came from one of them. True each time that it was as much again as may be thrown away: it is to be read no more. */
  tooMuch(peer: string, bytes: number): boolean {
    const came = this.#came.get(peer);
    if (!came) return false;
    came.messages++;
    came.bytes += bytes;
    if (came.messages < PEERS.unheard && came.bytes < WIRE.windowBytes) return false;
    came.messages = 0;
    came.bytes = 0;
    return true;
  }
}
