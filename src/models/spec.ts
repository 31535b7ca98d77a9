/**
 * A network as data: a list of layers in topological order, each naming its inputs. Built by the tables in this folder,
 * read by `summary`, by the coordinator (layout, initial values) and by src/layers (TensorFlow). Serialisable as JSON.
 */

/** Height, width, channels. */
export type ImageShape = readonly [height: number, width: number, channels: number];
export type Padding = "same" | "valid" | number;
/** `scaledTanh`: 1.7159 tanh(2x/3), LeCun et al. 1998, appendix A. `logSigmoid`: makes logits whose softmax is the normalised sigmoids. */
export type Activation = "relu" | "tanh" | "scaledTanh" | "sigmoid" | "logSigmoid";

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
        /** For each filter, the input channels that it sees (LeCun et al. 1998, table I). The kernel is then [kernel, kernel, connections]: filter by filter, in this order. */
        connections?: readonly (readonly number[])[];
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
    /** The mean of each of size x size windows that cover the image, as equal as whole pixels allow (PyTorch's AdaptiveAvgPool2d). */
    | { kind: "adaptiveAvgPool"; size: number }
    | { kind: "flatten" }
    | { kind: "activation"; activation: Activation }
    /** `momentum` is the share of the old moving statistics that is kept. */
    | { kind: "batchNorm"; epsilon: number; momentum: number }
    | { kind: "dropout"; rate: number }
    /** x * multiply + add: one number for all, or one for each channel. */
    | { kind: "affine"; multiply: number | readonly number[]; add: number | readonly number[] }
    /** Zeros around the image, up to `height` x `width`, the odd row or column at the end. */
    | { kind: "padTo"; height: number; width: number }
    /** Bilinear, keeping the aspect ratio, zeros around. */
    | { kind: "resizeWithPad"; height: number; width: number }
    | { kind: "resize"; height: number; width: number }
    | { kind: "add" }
    | { kind: "concat" }
    /** Krizhevsky et al. 2012, section 3.3: x / (k + alpha * sum of x^2 over `size` adjacent channels)^beta. */
    | { kind: "lrn"; size: number; k: number; alpha: number; beta: number }
    /** LeCun et al. 1998, section II.B: coefficient * (sum over size x size) + bias, both trainable, one of each a channel. */
    | { kind: "subsample"; size: number }
    /** Logits are -sum_j (x_j - code_ij)^2: LeCun et al. 1998, equation 7. `codes`: one of +-1 for each class; not trained. */
    | { kind: "rbf"; codes: readonly (readonly number[])[] }
    /** Option A of He et al. 2015, section 3.3: every `stride`-th pixel, channels filled up with zeros at the end. */
    | { kind: "paddedShortcut"; stride: number; channels: number }
  );

/** How a kernel or bias begins: resolved to an Initializer once the shape is known. */
export type InitRule =
  | { kind: "zeros" }
  | { kind: "constant"; value: number }
  | { kind: "normal"; stddev: number }
  /** N(0, 2 / fan_in), He et al. 2015, arXiv:1502.01852, section 2.2. */
  | { kind: "heNormal" }
  /** U(-sqrt(6 / (fan_in + fan_out)), …), Glorot & Bengio 2010, section 4.2. */
  | { kind: "glorotUniform" }
  /** U(-2.4 / fan_in, 2.4 / fan_in), LeCun et al. 1998, appendix A. */
  | { kind: "lecunUniform" };

export interface ModelSpec {
  name: string;
  /** Paper and section. */
  source: string;
  /** The image as the data set has it: values in [0, 1] after the worker's scaling. */
  input: ImageShape;
  classes: number;
  layers: readonly LayerSpec[];
  /** Name of the layer that gives the logits. */
  output: string;
  /** Further classifiers, for training alone: each one's loss is added `weight` times. */
  auxiliary?: readonly { output: string; weight: number }[];
  /**
   * Absent: softmax cross-entropy. `rubbishClass`: with one more class whose logit is constant (the -j of LeCun et al.
   * 1998, equation 9), to which no image belongs.
   */
  loss?: { kind: "rubbishClass"; logit: number };
  /**
   * Absent: 1. In how many parts each layer's channels are computed, each from what it reads of the layer before
   * (towers.ts). The parts are there on one device as on several, so that the bits do not depend on where they lie.
   */
  towers?: number;
}
