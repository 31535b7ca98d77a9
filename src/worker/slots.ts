/** Memory for vectors that is given out anew in each step, instead of fresh pages that are written once and thrown away. */
export class Slots {
  readonly #vectors = new Map<string, Float32Array>();

  /** The vector of that key, of `length` elements; what was written to it before is still there. */
  take(key: string, length: number): Float32Array {
    const held = this.#vectors.get(key);
    if (held?.length === length) return held;
    const vector = new Float32Array(length);
    this.#vectors.set(key, vector);
    return vector;
  }
}
