/** Keys of no use to anybody but the processes of one measurement. */
import { curveKeyPair } from "zeromq";
import type { CoordinatorKeys, WorkerKey } from "../src/transport/keys.js";

export function keyPair(): [CoordinatorKeys, WorkerKey] {
  const [own, other] = [curveKeyPair(), curveKeyPair()];
  return [
    { public: own.publicKey, secret: own.secretKey, allows: (key) => key === other.publicKey },
    { name: "bench", public: other.publicKey, secret: other.secretKey, coordinator: own.publicKey },
  ];
}
