/** Keys of the two sides (Curve25519, as ZeroMQ writes them), and how a peer's routing id proves which key it has. */
import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  randomBytes,
  timingSafeEqual,
} from "node:crypto";
import { z } from "zod";
import { decodeZ85, encodeZ85 } from "./z85.js";

const KEY_BYTES = 32;
/** 32 bytes in Z85. */
export const key = z
  .string()
  .refine((text) => decodeZ85(text)?.byteLength === KEY_BYTES, "expected a key of 40 characters");

export const coordinatorKey = z.strictObject({ public: key, secret: key });
export type CoordinatorKey = z.infer<typeof coordinatorKey>;

/** All that a worker needs: its own pair, and the public key of the only coordinator that it will speak to. */
export const workerKey = z.strictObject({ name: z.string(), public: key, secret: key, coordinator: key });
export type WorkerKey = z.infer<typeof workerKey>;

export interface CoordinatorKeys extends CoordinatorKey {
  /** Whether a worker's public key may come in. Asked again and again: a key that was taken off the list is out. */
  allows(publicKey: string): boolean;
}

/** DER in front of the 32 bytes of an X25519 key (RFC 8410). */
const PKCS8 = Buffer.from("302e020100300506032b656e04220420", "hex");
const SPKI = Buffer.from("302a300506032b656e032100", "hex");

function sharedSecret(secret: string, publicKey: string): Buffer {
  const der = (prefix: Buffer, text: string) => Buffer.concat([prefix, decodeZ85(text)!]);
  return diffieHellman({
    privateKey: createPrivateKey({ key: der(PKCS8, secret), format: "der", type: "pkcs8" }),
    publicKey: createPublicKey({ key: der(SPKI, publicKey), format: "der", type: "spki" }),
  });
}

function proof(secret: Buffer, nonce: Uint8Array): Buffer {
  return createHmac("sha256", secret).update("cnn-dist peer").update(nonce).digest();
}

const NONCE_BYTES = 12;
/** ZeroMQ keeps routing ids that begin with zero for itself. */
const FIRST = Uint8Array.of(1);
const AT = { key: 1, nonce: 1 + KEY_BYTES, proof: 1 + KEY_BYTES + NONCE_BYTES, end: 1 + KEY_BYTES + NONCE_BYTES + 32 };

/**
 * A routing id that only the holder of the key can make: public key, nonce, HMAC. ZeroMQ checks a key when a connection is
 * made and then forgets it; by this, the peer of a key that was revoked can still be told from the others.
 */
export function peerId({ public: own, secret, coordinator }: WorkerKey, nonce = randomBytes(NONCE_BYTES)): Buffer {
  return Buffer.concat([FIRST, decodeZ85(own)!, nonce, proof(sharedSecret(secret, coordinator), nonce)]);
}

/** The public key that a routing id proves; null if it proves none. */
export function keyOf(id: Uint8Array, secret: string): string | null {
  if (id.byteLength !== AT.end) return null;
  const publicKey = encodeZ85(id.subarray(AT.key, AT.nonce));
  try {
    const expected = proof(sharedSecret(secret, publicKey), id.subarray(AT.nonce, AT.proof));
    return timingSafeEqual(expected, id.subarray(AT.proof)) ? publicKey : null;
  } catch {
    return null; // no point of the curve
  }
}
