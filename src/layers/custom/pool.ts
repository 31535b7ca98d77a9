/** Pools that TensorFlow has in another form, or not at all. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Tf } from "../../engine/engine.js";
import { windowsOver } from "../../models/shapes.js";
import { plainClass } from "./plain.js";

export interface PoolConfig {
  pooling: "max" | "average";
  size: number;
  stride: number;
  /** On every side: what no maximum takes, or zeros that an average counts. */
  padding: number;
}

/** PyTorch's padding of pools, which TensorFlow's "same" is not. */
export const paddedPoolClass = (tf: Tf) =>
  plainClass<PoolConfig>(tf, "PaddedPooling2D", ["pooling", "size", "stride", "padding"], {
    shape([batch = null, height, width, channels = null], { size, stride, padding }) {
      const windows = (side: number | null | undefined) => (side ? windowsOver(side, size, stride, padding) : null);
      return [batch, windows(height), windows(width), channels];
    },
    call(x, { pooling, size, stride, padding }) {
      const around: [number, number] = [padding, padding];
      const fill = pooling === "max" ? Number.NEGATIVE_INFINITY : 0;
      const padded = tf.pad(x as tfjs.Tensor4D, [[0, 0], around, around, [0, 0]], fill);
      return pooling === "max" ? tf.maxPool(padded, size, stride, "valid") : tf.avgPool(padded, size, stride, "valid");
    },
  });

/**
 * PyTorch's AdaptiveAvgPool2d: of `size` windows a side, window i goes from floor(i * side / size) up to, but not including,
 * ceil((i + 1) * side / size). As a product with a constant matrix, which has the gradient that tfjs's slices would build
 * from many ops.
 */
export const adaptivePoolClass = (tf: Tf) =>
  plainClass<{ size: number }>(tf, "AdaptiveAveragePooling2D", ["size"], {
    shape: ([batch = null, , , channels = null], { size }) => [batch, size, size, channels],
    call(x, { size }) {
      const [batch, height, width, channels] = (x as tfjs.Tensor4D).shape;
      const means = tf.tensor2d(windowMeans(size, height, width), [size * size, height * width]);
      const pixels = tf.reshape(tf.transpose(x, [1, 2, 0, 3]), [height * width, batch * channels]);
      return tf.transpose(tf.reshape(tf.matMul(means, pixels), [size, size, batch, channels]), [2, 0, 1, 3]);
    },
  });

/** [size * size, height * width]: in each row a window's share of every pixel. */
function windowMeans(size: number, height: number, width: number): Float32Array {
  const means = new Float32Array(size * size * height * width);
  const [rows, columns] = [windows(size, height), windows(size, width)];
  for (const [at, [top, bottom]] of rows.entries())
    for (const [beside, [left, right]] of columns.entries()) {
      const start = (at * size + beside) * height * width;
      const share = 1 / ((bottom - top) * (right - left));
      for (let row = top; row < bottom; row++)
        means.fill(share, start + row * width + left, start + row * width + right);
    }
  return means;
}

function windows(size: number, side: number): (readonly [start: number, end: number])[] {
  return Array.from({ length: size }, (_, at) => [Math.floor((at * side) / size), Math.ceil(((at + 1) * side) / size)]);
}
