/** Who may connect: ZeroMQ asks over ZAP (https://rfc.zeromq.org/spec/27/), and each peer's routing id is looked at again. */
import { Context, Router } from "zeromq";
import { BAN_MS, HANDSHAKE_MS } from "../config/time-limits.js";
import { PEERS, WIRE } from "../limits.js";
import { type CoordinatorKeys, keyOf } from "./keys.js";
import { encodeZ85 } from "./z85.js";

const DOMAIN = "cnn-dist";
const ZAP_ENDPOINT = "inproc://zeromq.zap.01";

/** CURVE encrypts half a gigabyte a second and thread; connections are shared out among them. */
export const IO_THREADS = 4;

/** The options of a socket that lets in only those whom `peers` admits; `close` after the socket. */
export async function openAdmission(keys: CoordinatorKeys, peers: Peers) {
  // ZAP's address is one a context: with a context of its own, two runs in a process do not answer for each other.
  const context = new Context();
  context.ioThreads = IO_THREADS;
  const answers = new Router({ context, linger: 0 });
  await answers.bind(ZAP_ENDPOINT);
  const answering = answer(answers, peers);
  return {
    context,
    options: {
      context,
      curveServer: true,
      curveSecretKey: keys.secret,
      zapDomain: DOMAIN,
      handshakeInterval: HANDSHAKE_MS,
      handover: true,
      receiveHighWaterMark: WIRE.waitingMessages,
    },
    async close() {
      answers.close();
      await answering;
    },
  };
}

async function answer(socket: Router, peers: Peers): Promise<void> {
  for await (const [id, empty, version, sequence, , , , mechanism, credentials] of socket) {
    const allowed =
      String(mechanism) === "CURVE" && credentials?.byteLength === 32 && peers.admits(encodeZ85(credentials));
    const [code, text] = allowed ? ["200", "OK"] : ["400", "this key is not allowed"];
    await socket.send([id!, empty!, version!, sequence!, code, text, "", ""]);
  }
}

/** Peers by what their routing ids prove. */
export class Peers {
  readonly #keys: CoordinatorKeys;
  readonly #now: () => number;
  readonly #known = new Map<string, string>();
  /** Keys that may not come back before that time. */
  readonly #banned = new Map<string, number>();

  constructor(keys: CoordinatorKeys, now: () => number) {
    this.#keys = keys;
    this.#now = now;
  }

  /** Whether a connection with this key may come in. */
  admits(key: string): boolean {
    return this.#now() >= (this.#banned.get(key) ?? 0) && this.#keys.allows(key);
  }

  /** Whether what the peer sends may be read. */
  accepts(peer: string, id: Uint8Array): boolean {
    if (this.#known.has(peer)) return true;
    const key = keyOf(id, this.#keys.secret);
    if (key === null || !this.#keys.allows(key)) return false;
    this.#known.set(peer, key);
    return true;
  }

  /** Those whose key was revoked since; they are forgotten. */
  revoked(): string[] {
    // Many peers may have one key, and each question reads the list.
    const out = new Set([...new Set(this.#known.values())].filter((key) => !this.#keys.allows(key)));
    const revoked = [...this.#known].filter(([, key]) => out.has(key)).map(([peer]) => peer);
    for (const peer of revoked) this.forget(peer);
    return revoked;
  }

  /** It is gone, or will not be heard. */
  forget(peer: string): void {
    this.#known.delete(peer);
  }

  /** It was cut off: its key gets no new connection for a while, or it would be back at once. */
  ban(peer: string): void {
    const key = this.#known.get(peer);
    this.forget(peer);
    if (key === undefined) return;
    this.#banned.set(key, this.#now() + BAN_MS);
    if (this.#banned.size > PEERS.remembered) this.#banned.delete(this.#banned.keys().next().value!);
  }
}
