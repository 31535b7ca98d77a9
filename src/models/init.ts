/** Initial values from the seed, without TensorFlow: the coordinator draws them. */
import type { Layout, Slot } from "../parameters/layout.js";
import { deriveKey, normals, uniforms } from "../random.js";

/** Values follow from (seed, parameter name) alone, so neither order nor layout changes them. */
export function initialValues(layout: Layout, seed: number): { weights: Float32Array; state: Float32Array } {
  const weights = new Float32Array(layout.size);
  const state = new Float32Array(layout.stateSize);
  for (const slot of layout.trainable) fill(weights.subarray(slot.offset, slot.offset + slot.size), slot, seed);
  for (const slot of layout.state) fill(state.subarray(slot.offset, slot.offset + slot.size), slot, seed);
  return { weights, state };
}

/** Drawn in pieces, so that a kernel of 100 million weights needs little memory beside its own. */
const PIECE = 2 ** 16;

function fill(target: Float32Array, slot: Slot, seed: number): void {
  const { init } = slot;
  switch (init.kind) {
    case "zeros":
      return;
    case "ones":
      target.fill(1);
      return;
    case "constant":
      target.fill(init.value);
      return;
    case "normal":
    case "uniform": {
      const key = deriveKey(seed, "init", slot.name);
      for (let start = 0; start < target.length; start += PIECE) {
        const count = Math.min(PIECE, target.length - start);
        if (init.kind === "normal") {
          const drawn = normals(key, count, start);
          for (let index = 0; index < count; index++) target[start + index] = drawn[index]! * init.stddev;
        } else {
          const drawn = uniforms(key, count, start);
          for (let index = 0; index < count; index++) target[start + index] = (2 * drawn[index]! - 1) * init.limit;
        }
      }
    }
  }
}
