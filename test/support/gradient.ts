import assert from "node:assert/strict";
import type * as tfjs from "@tensorflow/tfjs";

type Tf = typeof tfjs;

/** Of no order, no two alike, in (-1, 1). */
export const wavy = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, index) => Math.sin(index * 12.9898 + seed * 78.233));

/**
 * Compares tfjs's gradient of sum(f(x) * weights) with central differences, at every element of a small `x`. The sums are
 * made in double precision, so that what is left is the rounding of `f` itself.
 */
export function checkGradient(
  tf: Tf,
  f: (x: tfjs.Tensor) => tfjs.Tensor,
  { x, shape, what = "x", tolerance = 1e-3 }: { x: Float32Array; shape: number[]; what?: string; tolerance?: number },
): void {
  const outputs = f(tf.tensor(x, shape));
  const weights = wavy(outputs.size, 9);
  const gradient = tf
    .grad((point) => tf.sum(tf.mul(f(point), tf.tensor(weights, outputs.shape))))(tf.tensor(x, shape))
    .dataSync();
  const objective = (at: number, delta: number) => {
    const moved = x.map((value, index) => (index === at ? value + delta : value));
    const out = tf.tidy(() => f(tf.tensor(moved, shape)).dataSync<"float32">());
    return { value: out.reduce((sum, value, index) => sum + value * weights[index]!, 0), point: moved[at]! };
  };
  const h = 1e-2;
  for (let at = 0; at < x.length; at++) {
    const [above, below] = [objective(at, h), objective(at, -h)];
    const numeric = (above.value - below.value) / (above.point - below.point);
    const difference = Math.abs(numeric - gradient[at]!);
    assert.ok(
      difference < tolerance * Math.max(1, Math.abs(numeric)),
      `${what}[${at}]: the gradient is ${gradient[at]}, differences give ${numeric}`,
    );
  }
}
