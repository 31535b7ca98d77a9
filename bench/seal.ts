/**
 * AES-256-GCM by node:crypto, as frames beside a connection with keys would be sealed: the counter of a direction is the nonce, the
 * header is bound in, and the tag follows it. For measuring alone: nothing gives the two sides their key.
 */
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Message } from "../src/transport/link.js";

const TAG_BYTES = 16;

export class Seal {
  readonly #key: Uint8Array;
  readonly #nonce = Buffer.alloc(12);
  #counter = 0n;

  constructor(key: Uint8Array, direction: "in" | "out") {
    this.#key = key;
    this.#nonce[0] = direction === "in" ? 0 : 1;
  }

  seal({ header, payload }: Required<Message>): Required<Message> {
    const cipher = createCipheriv("aes-256-gcm", this.#key, this.#next()).setAAD(header);
    const sealed = cipher.update(payload);
    cipher.final();
    return { header: Buffer.concat([header, cipher.getAuthTag()]), payload: sealed };
  }

  open([sealedHeader, sealed]: readonly Uint8Array[]): readonly Uint8Array[] {
    if (!sealed) return [sealedHeader!];
    const header = sealedHeader!.subarray(0, -TAG_BYTES);
    const decipher = createDecipheriv("aes-256-gcm", this.#key, this.#next())
      .setAAD(header)
      .setAuthTag(sealedHeader!.subarray(-TAG_BYTES));
    const payload = decipher.update(sealed);
    decipher.final(); // throws where anything was changed
    return [header, payload];
  }

  #next(): Uint8Array {
    this.#nonce.writeBigUInt64BE(this.#counter++, 4);
    return this.#nonce;
  }
}
