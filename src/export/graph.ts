/**
 * A network in the words of Keras, which tfjs shares: layers of stock classes wherever there are any, each with its
 * weights. Images go in as float32 in [0, 1], logits come out. `build-graph.ts` makes one from a table.
 */

/** keras: version 3. tfjs: 4; it lacks grouped convolutions, and its Resizing samples other places. */
export type Dialect = "keras" | "tfjs";

export interface Weight {
  /** As Keras calls it in its layer: kernel, bias, gamma, … */
  name: string;
  shape: readonly number[];
  data: Float32Array;
}
export interface ExportLayer {
  name: string;
  className: string;
  /** In Keras's spelling, without the name; what is left out is the class's default. */
  config: Readonly<Record<string, unknown>>;
  /** Names of the layers before it; "" is the input. */
  inputs: readonly string[];
  weights: readonly Weight[];
}
export interface ExportGraph {
  name: string;
  input: readonly number[];
  layers: readonly ExportLayer[];
  output: string;
  /** Classes that no stock installation knows. */
  custom: readonly string[];
}

/** What the images are normalised by, each channel by itself. */
export interface Normalization {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}
