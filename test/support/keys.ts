import { curveKeyPair } from "zeromq";
import type { CoordinatorKeys, WorkerKey } from "../../src/transport/keys.js";

/** Keys of a coordinator whose list is in memory, and of workers. */
export function keyRing(): {
  coordinator: CoordinatorKeys;
  worker(name?: string): WorkerKey;
  revoke(key: WorkerKey): void;
} {
  const { publicKey, secretKey } = curveKeyPair();
  const allowed = new Set<string>();
  return {
    coordinator: { public: publicKey, secret: secretKey, allows: (key) => allowed.has(key) },
    worker(name = "worker") {
      const pair = curveKeyPair();
      allowed.add(pair.publicKey);
      return { name, public: pair.publicKey, secret: pair.secretKey, coordinator: publicKey };
    },
    revoke: (key) => void allowed.delete(key.public),
  };
}
