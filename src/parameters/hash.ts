/** Names of weights: equal hashes, equal bits. */
import { createHash } from "node:crypto";
import { asBytes } from "./bytes.js";
import type { Layout, Slot } from "./layout.js";

interface Values {
  weights: Float32Array;
  state: Float32Array;
}

function bytesAt(vector: Float32Array, { offset, size }: Slot): Uint8Array {
  return asBytes(vector.subarray(offset, offset + size));
}

/** SHA-256 of the parameters' bytes, then of the state's, in the network's order. */
export function weightsSha256(layout: Layout, { weights, state }: Values): string {
  const hash = createHash("sha256");
  for (const slot of layout.trainable) hash.update(bytesAt(weights, slot));
  for (const slot of layout.state) hash.update(bytesAt(state, slot));
  return hash.digest("hex");
}

/** The first 16 hexadecimal digits of each parameter's own hash: enough to tell which one differs. */
export function parameterHashes(layout: Layout, { weights, state }: Values): Record<string, string> {
  const short = (vector: Float32Array, slot: Slot) =>
    createHash("sha256").update(bytesAt(vector, slot)).digest("hex").slice(0, 16);
  return Object.fromEntries([
    ...layout.trainable.map((slot) => [slot.name, short(weights, slot)]),
    ...layout.state.map((slot) => [slot.name, short(state, slot)]),
  ]);
}
