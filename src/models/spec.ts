/**
 * A network as data: a list of layers in topological order, each naming its inputs. Built by the tables in this folder,
 * read by `summary`, by the coordinator (layout, initial values) and by src/layers (TensorFlow). Serialisable as JSON.
 */

/** Height, width, channels. */
export type ImageShape = readonly [height: number, width: number, channels: number];
export type Padding = "same" | "valid" | number;
export type Activation = "relu" | "tanh" | "scaledTanh" | "sigmoid" | "softmax";

interface Base {
  /** Unique in the network. */
  name: string;
  /** Names of earlier layers; absent: the layer before, or the network's input for the first. */
  inputs?: readonly string[];
}
export type LayerSpec = Base &
  (
    | {
        kind: "conv2d";
        filters: number;
        kernel: number;
        stride?: number;
        padding: Padding;
        bias: boolean;
        groups?: number;
        activation?: Activation;
        kernelInit?: InitRule;
        biasInit?: InitRule;
      }
    | {
        kind: "dense";
        units: number;
        bias: boolean;
        activation?: Activation;
        kernelInit?: InitRule;
        biasInit?: InitRule;
      }
    | { kind: "maxPool" | "avgPool"; size: number; stride: number; padding: Padding }
    | { kind: "globalAvgPool" }
    | { kind: "flatten" }
    | { kind: "activation"; activation: Activation }
    /** `momentum` is the share of the old moving statistics that is kept. */
    | { kind: "batchNorm"; epsilon: number; momentum: number }
    | { kind: "dropout"; rate: number }
    /** Zeros around the image, up to `height` x `width`, the odd row or column at the end. */
    | { kind: "padTo"; height: number; width: number }
    /** Bilinear, keeping the aspect ratio, zeros around. */
    | { kind: "resizeWithPad"; height: number; width: number }
    | { kind: "resize"; height: number; width: number }
    | { kind: "add" }
    | { kind: "concat" }
    | { kind: "lrn"; size: number; k: number; alpha: number; beta: number }
  );

/** How a kernel or bias begins: resolved to an Initializer once the shape is known. */
export type InitRule =
  | { kind: "zeros" }
  | { kind: "constant"; value: number }
  | { kind: "normal"; stddev: number }
  /** N(0, 2 / fan_in), He et al. 2015, arXiv:1502.01852, section 2.2. */
  | { kind: "heNormal" }
  /** U(-sqrt(6 / (fan_in + fan_out)), …), Glorot & Bengio 2010, section 4.2. */
  | { kind: "glorotUniform" };

export interface ModelSpec {
  name: string;
  /** Paper and section. */
  source: string;
  /** The image as the data set has it: values in [0, 1] after the worker's scaling. */
  input: ImageShape;
  classes: number;
  layers: readonly LayerSpec[];
  /** Name of the layer that gives the logits; always the last one. */
  output: string;
}
