/** Float32 values as the bytes in which they travel and lie in files: little-endian, as every machine that we run on has them. */

/** A view of the vector's memory. */
export function asBytes(vector: Float32Array | Uint8Array): Uint8Array {
  return new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
}

/** The values of `bytes`, whose number is a multiple of four: a view where they lie at a multiple of four, else a copy. */
export function asFloats(bytes: Uint8Array): Float32Array {
  if (bytes.byteOffset % 4 === 0) return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
  // Not slice(): a Buffer's gives a view of the same memory.
  return new Float32Array(new Uint8Array(bytes).buffer);
}
