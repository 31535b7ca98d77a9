/** A stream's values as an array. */
import type { StreamValues } from "../../src/engine/engine.js";

export function copyOf(values: StreamValues): Float32Array {
  const copy = new Float32Array(values.length);
  values.copyTo(copy);
  return copy;
}
