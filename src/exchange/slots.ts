/** Memory for vectors that is given out anew in each step, instead of fresh pages that are written once and thrown away. */
export class Slots {
  readonly #vectors = new Map<string, Float32Array>();
  readonly #bytes = new Map<string, Uint8Array>();

  /** The vector of that key, of `length` elements; what was written to it before is still there. */
  take(key: string, length: number): Float32Array {
    const held = this.#vectors.get(key);
    if (held?.length === length) return held;
    const vector = new Float32Array(length);
    this.#vectors.set(key, vector);
    return vector;
  }

  /** The same, of bytes; they begin at a multiple of eight. */
  bytes(key: string, length: number): Uint8Array {
    const held = this.#bytes.get(key);
    if (held?.length === length) return held;
    const bytes = new Uint8Array(length);
    this.#bytes.set(key, bytes);
    return bytes;
  }
}
