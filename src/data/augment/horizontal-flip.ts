import type { ImageShape } from "../../models/spec.js";
import type { BuiltStep, Form } from "./step.js";

/** Evaluation: nothing. */
export function horizontalFlip(shape: ImageShape, form: Form): BuiltStep {
  if (form !== "training") return { shape, apply: null };
  return {
    shape,
    apply(from, to, draws) {
      if (draws.uniforms(1)[0]! < 0.5) to.set(from);
      else mirror(from, to, shape);
    },
  };
}

function mirror(from: Uint8Array, to: Uint8Array, [height, width, channels]: ImageShape): void {
  const line = width * channels;
  for (let row = 0, at = 0; row < height; row++)
    for (let source = (row + 1) * line - channels; at < (row + 1) * line; source -= channels)
      for (let channel = 0; channel < channels; channel++) to[at++] = from[source + channel]!;
}
