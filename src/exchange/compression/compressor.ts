/**
 * Gradients in fewer bytes. A shard sends C(g + r) and keeps r' = (g + r) - C(g + r), its residual, so that what one step
 * leaves out a later one brings: error feedback (Seide et al. 2014; Karimireddy et al. 2019, arXiv:1901.09847,
 * algorithm 2). Pure; what is sent does not depend on who computes it or how it travels.
 */
export interface Compressor {
  /** Bytes of a bucket of `size` elements. */
  bytesOf(size: number): number;
  /**
   * Writes C(gradient + residual), with sums rounded to float32, to `sent`, of `bytesOf(size)` bytes at a multiple of 4, and
   * what that leaves to `rest`. All vectors have the same length; `rest` is none of the others.
   */
  compress(gradient: Float32Array, residual: Float32Array, rest: Float32Array, sent: Uint8Array): void;
  /** Whether `compress` could have given these bytes for `size` elements. */
  accepts(sent: Uint8Array, size: number): boolean;
  /** The values that bytes which are accepted stand for. */
  decompress(sent: Uint8Array, values: Float32Array): void;
}
