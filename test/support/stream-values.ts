/** A stream's values, as the engine hands them out, made of an array and read into one. */
import type { StreamValues } from "../../src/engine/engine.js";

export function streamOf(values: Float32Array): StreamValues {
  return { length: values.length, copyTo: (target) => target.set(values) };
}

export function copyOf(values: StreamValues): Float32Array {
  const copy = new Float32Array(values.length);
  values.copyTo(copy);
  return copy;
}
