/** Who may connect: ZeroMQ asks over ZAP (https://rfc.zeromq.org/spec/27/), and each peer's routing id is looked at again. */
import { Context, Router } from "zeromq";
import { HANDSHAKE_MS, KEYS_LOOK_MS } from "../config/time-limits.js";
import { type CoordinatorKeys, keyOf } from "./keys.js";
import { encodeZ85 } from "./z85.js";

const DOMAIN = "cnn-dist";
const ZAP_ENDPOINT = "inproc://zeromq.zap.01";

/** The options of a socket that lets in only those whose key is allowed; `close` after the socket. */
export async function openAdmission(keys: CoordinatorKeys) {
  // ZAP's address is one a context: with a context of its own, two runs in a process do not answer for each other.
  const context = new Context();
  const answers = new Router({ context, linger: 0 });
  await answers.bind(ZAP_ENDPOINT);
  const answering = answer(answers, keys);
  return {
    options: {
      context,
      curveServer: true,
      curveSecretKey: keys.secret,
      zapDomain: DOMAIN,
      handshakeInterval: HANDSHAKE_MS,
    },
    async close() {
      answers.close();
      await answering;
    },
  };
}

async function answer(socket: Router, keys: CoordinatorKeys): Promise<void> {
  for await (const [id, empty, version, sequence, , , , mechanism, credentials] of socket) {
    const allowed =
      String(mechanism) === "CURVE" && credentials?.byteLength === 32 && keys.allows(encodeZ85(credentials));
    const [code, text] = allowed ? ["200", "OK"] : ["400", "this key is not allowed"];
    await socket.send([id!, empty!, version!, sequence!, code, text, "", ""]);
  }
}

/** Peers by what their routing ids prove. */
export class Peers {
  readonly #keys: CoordinatorKeys;
  readonly #known = new Map<string, string>();

  constructor(keys: CoordinatorKeys) {
    this.#keys = keys;
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
}

/** Calls `onRevoked` with each peer whose key was taken off the list. */
export function watchPeers(peers: Peers, onRevoked: (peer: string) => void): () => void {
  const timer = setInterval(() => peers.revoked().forEach(onRevoked), KEYS_LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
