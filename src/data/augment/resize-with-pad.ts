import type { ImageShape } from "../../models/spec.js";
import { resample } from "../resample.js";
import type { BuiltStep } from "./step.js";

/** The same in training and evaluation. */
export function resizeWithPad({ size }: { size: number }, shape: ImageShape): BuiltStep {
  const [height, width, channels] = shape;
  const scale = size / Math.max(height, width);
  const inner = { height: Math.max(1, Math.round(height * scale)), width: Math.max(1, Math.round(width * scale)) };
  const at = { top: Math.floor((size - inner.height) / 2), left: Math.floor((size - inner.width) / 2) };
  return {
    shape: [size, size, channels],
    apply(from, to) {
      to.fill(0);
      resample(
        { pixels: from, height, width, channels },
        { top: 0, left: 0, height, width },
        inner,
        { ...inner, top: 0, left: 0 },
        { pixels: to, height: size, width: size, channels },
        at,
      );
    },
  };
}
