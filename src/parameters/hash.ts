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

/** Bytes that are hashed in one go, twice: half a millisecond or so each time. */
const PIECE_BYTES = 2 ** 20;

/**
 * The same hash, and the first 16 hexadecimal digits of each parameter's own: enough to tell which one differs. Hashed
 * piece by piece, with a `turn` for others before each; the vectors must stay as they are until then.
 */
export async function hashesOf(
  layout: Layout,
  { weights, state }: Values,
  turn: () => Promise<void>,
): Promise<{ weightsSha256: string; parameters: Record<string, string> }> {
  const whole = createHash("sha256");
  const parameters: Record<string, string> = {};
  let untilTurn = PIECE_BYTES;
  await turn();
  for (const [vector, slots] of [[weights, layout.trainable] as const, [state, layout.state] as const]) {
    for (const slot of slots) {
      const bytes = bytesAt(vector, slot);
      const own = createHash("sha256");
      for (let start = 0; start < bytes.length; ) {
        const piece = bytes.subarray(start, start + untilTurn);
        whole.update(piece);
        own.update(piece);
        start += piece.length;
        untilTurn -= piece.length;
        if (untilTurn > 0) continue;
        await turn();
        untilTurn = PIECE_BYTES;
      }
      parameters[slot.name] = own.digest("hex").slice(0, 16);
    }
  }
  return { weightsSha256: whole.digest("hex"), parameters };
}
