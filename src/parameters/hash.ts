/** Names of weights: equal hashes, equal bits. */
import { createHash } from "node:crypto";
import type { Layout, Slot } from "./layout.js";

interface Values {
  weights: Float32Array;
  state: Float32Array;
}

/** Float32 little-endian bytes, which every machine that we run on has in memory. */
function bytesOf(vector: Float32Array, { offset, size }: Slot): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset + offset * 4, size * 4);
}

/** SHA-256 of the parameters' bytes, then of the state's, in the network's order. */
export function weightsSha256(layout: Layout, { weights, state }: Values): string {
  const hash = createHash("sha256");
  for (const slot of layout.trainable) hash.update(bytesOf(weights, slot));
  for (const slot of layout.state) hash.update(bytesOf(state, slot));
  return hash.digest("hex");
}

/** The first 16 hexadecimal digits of each parameter's own hash: enough to tell which one differs. */
export function parameterHashes(layout: Layout, { weights, state }: Values): Record<string, string> {
  const short = (vector: Float32Array, slot: Slot) =>
    createHash("sha256").update(bytesOf(vector, slot)).digest("hex").slice(0, 16);
  return Object.fromEntries([
    ...layout.trainable.map((slot) => [slot.name, short(weights, slot)]),
    ...layout.state.map((slot) => [slot.name, short(state, slot)]),
  ]);
}
