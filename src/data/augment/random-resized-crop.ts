import type { ImageShape } from "../../models/spec.js";
import { middleOf, type Region, resample, withShortSide } from "../resample.js";
import { type BuiltStep, below, type Form } from "./step.js";

interface Step {
  size: number;
  scale: readonly [number, number];
  ratio: readonly [number, number];
}

/** Draws of a part before the whole of the image that fits is taken. */
const ATTEMPTS = 10;

/**
 * Szegedy et al. 2015, section 6: a part whose share of the area is uniform in `scale` and whose width over height is
 * log-uniform in `ratio`. Evaluation: the short side resized to size * 256 / 224, then the centre.
 */
export function randomResizedCrop(step: Step, shape: ImageShape, form: Form): BuiltStep {
  const [height, width, channels] = shape;
  const { size } = step;
  const all = { top: 0, left: 0, height, width };
  const source = (pixels: Uint8Array) => ({ pixels, height, width, channels });
  const target = (pixels: Uint8Array) => ({ pixels, height: size, width: size, channels });
  const large = withShortSide(height, width, Math.round((size * 256) / 224));
  if (form === "whole") {
    const { height: rows, width: columns } = large;
    if (rows === height && columns === width) return { shape, apply: null };
    return {
      shape: [rows, columns, channels],
      apply: (from, to) =>
        resample(source(from), all, large, { ...large, top: 0, left: 0 }, { ...large, pixels: to, channels }),
    };
  }
  const middle = middleOf(large.height, large.width, size, size);
  const square = { height: size, width: size };
  return {
    shape: [size, size, channels],
    apply:
      form === "evaluation"
        ? (from, to) => resample(source(from), all, large, middle, target(to))
        : (from, to, draws) => {
            const part = partOf(step, height, width, draws.uniforms(4 * ATTEMPTS));
            resample(source(from), part, square, { ...square, top: 0, left: 0 }, target(to));
          },
  };
}

function partOf({ scale, ratio }: Step, height: number, width: number, draws: Float32Array): Region {
  for (let at = 0; at < draws.length; at += 4) {
    const area = height * width * (scale[0] + (scale[1] - scale[0]) * draws[at]!);
    const aspect = ratio[0] * power(ratio[1] / ratio[0], draws[at + 1]!);
    const rows = Math.round(Math.sqrt(area / aspect));
    const columns = Math.round(Math.sqrt(area * aspect));
    if (rows < 1 || columns < 1 || rows > height || columns > width) continue;
    const top = below(height - rows + 1, draws[at + 2]!);
    const left = below(width - columns + 1, draws[at + 3]!);
    return { top, left, height: rows, width: columns };
  }
  const rows = Math.max(1, Math.min(height, Math.round(width / ratio[0])));
  const columns = Math.max(1, Math.min(width, Math.round(height * ratio[1])));
  return middleOf(height, width, rows, columns);
}

/** base^exponent for an exponent of 24 bits in [0, 1), by square roots: Math.pow differs between versions of V8. */
function power(base: number, exponent: number): number {
  let [result, root, rest] = [1, base, exponent];
  while (rest > 0) {
    root = Math.sqrt(root);
    rest *= 2;
    if (rest < 1) continue;
    rest -= 1;
    result *= root;
  }
  return result;
}
