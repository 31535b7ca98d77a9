import type * as tfjs from "@tensorflow/tfjs";
import type { Tf } from "../../engine/engine.js";
import { windowsOver } from "../../models/shapes.js";
import type { Padding } from "../../models/spec.js";
import { type LayerClass, type LayerInputs, one, type Weight } from "./call.js";

export interface ConvolutionConfig {
  filters: number;
  kernelSize: number;
  strides: number;
  padding: Padding;
  useBias: boolean;
  groups: number;
  /** For each filter, the channels that it sees; null: all of its group. */
  connections: readonly (readonly number[])[] | null;
  /** A ReLU after it, or nothing. */
  activation: "relu" | "linear";
}

export function convolutionClass(tf: Tf): LayerClass<ConvolutionConfig & { name?: string }> {
  /**
   * What Keras's Conv2D lacks in tfjs: groups (kernel [k, k, in / groups, out], group by group), chosen connections
   * (kernel [k, k, connections]) and padding by a number of zeros on every side.
   */
  return class ExtendedConv2D extends tf.layers.Layer {
    static readonly className = "ExtendedConv2D";
    readonly #config: ConvolutionConfig;
    #channels = 0;
    #kernel!: Weight;
    #bias: Weight | null = null;

    constructor(config: ConvolutionConfig & { name?: string }) {
      super(config as never);
      const { filters, kernelSize, strides, padding, useBias, groups, connections, activation } = config;
      this.#config = { filters, kernelSize, strides, padding, useBias, groups, connections, activation };
    }

    override build(shape: tfjs.Shape | tfjs.Shape[]): void {
      const { kernelSize, groups, connections, filters, useBias } = this.#config;
      this.#channels = (shape as tfjs.Shape).at(-1)!;
      const inner = connections ? [connections.flat().length] : [this.#channels / groups, filters];
      const add = (name: string, dims: number[]) =>
        this.addWeight(name, dims, "float32", tf.initializers.zeros()) as unknown as Weight;
      this.#kernel = add("kernel", [kernelSize, kernelSize, ...inner]);
      if (useBias) this.#bias = add("bias", [filters]);
      this.built = true;
    }

    override computeOutputShape(shape: tfjs.Shape | tfjs.Shape[]): tfjs.Shape {
      const [batch, height, width] = shape as tfjs.Shape;
      const { kernelSize, strides, padding, filters } = this.#config;
      const windows = (size: number | null | undefined) => size && windowsOver(size, kernelSize, strides, padding);
      return [batch!, windows(height) ?? null, windows(width) ?? null, filters];
    }

    override call(inputs: LayerInputs): tfjs.Tensor {
      return tf.tidy(() => {
        const { strides, padding, groups, activation } = this.#config;
        const x = one(inputs) as tfjs.Tensor4D;
        const convolve = (images: tfjs.Tensor, kernel: tfjs.Tensor) =>
          convolved(tf, images as tfjs.Tensor4D, kernel as tfjs.Tensor4D, strides, padding);
        const maps = groups === 1 ? convolve(x, this.#dense()) : this.#grouped(x, convolve);
        const biased = this.#bias ? tf.add(maps, this.#bias.read()) : maps;
        return activation === "relu" ? tf.relu(biased) : biased;
      });
    }

    #grouped(x: tfjs.Tensor4D, convolve: (images: tfjs.Tensor, kernel: tfjs.Tensor) => tfjs.Tensor): tfjs.Tensor {
      const { groups } = this.#config;
      const kernels = tf.split(this.#dense(), groups, 3);
      return tf.concat(
        tf.split(x, groups, 3).map((images, group) => convolve(images, kernels[group]!)),
        3,
      );
    }

    /** [k, k, in, out]; where nothing is connected there are zeros, which have no gradient to anything. */
    #dense(): tfjs.Tensor4D {
      const { kernelSize: size, connections, filters } = this.#config;
      const kernel = this.#kernel.read();
      if (!connections) return kernel as tfjs.Tensor4D;
      const places = connections.flatMap((seen, filter) => seen.map((channel) => channel * filters + filter));
      const scatter = tf.oneHot(tf.tensor1d(places, "int32"), this.#channels * filters);
      const flat = tf.matMul(tf.reshape(kernel, [size * size, places.length]), tf.cast(scatter, "float32"));
      return tf.reshape(flat, [size, size, this.#channels, filters]);
    }

    override getConfig(): tfjs.serialization.ConfigDict {
      return { ...super.getConfig(), ...(this.#config as unknown as tfjs.serialization.ConfigDict) };
    }
  };
}

/**
 * Zeros by a number are put around the image first, as far as windows reach: TensorFlow's own op for them has no gradient
 * in oneDNN, and takes several times as long without.
 */
export function convolved(
  tf: Tf,
  x: tfjs.Tensor4D,
  kernel: tfjs.Tensor4D,
  stride: number,
  padding: Padding,
): tfjs.Tensor4D {
  if (typeof padding === "string") return tf.conv2d(x, kernel, stride, padding);
  const size = kernel.shape[0];
  const around = (side: number): [number, number] => {
    const reached = (windowsOver(side, size, stride, padding) - 1) * stride + size;
    return [padding, Math.max(0, reached - side - padding)];
  };
  const padded = padding === 0 ? x : tf.pad(x, [[0, 0], around(x.shape[1]), around(x.shape[2]), [0, 0]]);
  return tf.conv2d(padded, kernel, stride, "valid");
}
