import type { ImageShape } from "../../models/spec.js";
import { crop } from "./crop.js";
import { type BuiltStep, below, type Form } from "./step.js";

/** Evaluation: nothing. */
export function padAndCrop({ padding }: { padding: number }, shape: ImageShape, form: Form): BuiltStep {
  if (form !== "training") return { shape, apply: null };
  return {
    shape,
    apply(from, to, draws) {
      const [down, right] = draws.uniforms(2);
      const top = below(2 * padding + 1, down!) - padding;
      const left = below(2 * padding + 1, right!) - padding;
      crop(from, shape, { top, left }, to, shape);
    },
  };
}
