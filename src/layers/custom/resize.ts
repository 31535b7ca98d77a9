/** Layers that bring images to one size. */
import type * as tfjs from "@tensorflow/tfjs";
import type { Tf } from "../../engine/engine.js";
import { plainClass } from "./plain.js";

interface Size {
  height: number;
  width: number;
}

const sized = ([batch = null, , , channels = null]: tfjs.Shape, { height, width }: Size): tfjs.Shape => [
  batch,
  height,
  width,
  channels,
];

/** Zeros on all sides; the odd row or column goes to the end. */
function padded(tf: Tf, x: tfjs.Tensor4D, { height, width }: Size): tfjs.Tensor4D {
  const around = (missing: number): [number, number] => [Math.floor(missing / 2), Math.ceil(missing / 2)];
  return tf.pad(x, [[0, 0], around(height - x.shape[1]), around(width - x.shape[2]), [0, 0]]);
}

/** Zeros around an image up to a size. */
export const padToClass = (tf: Tf) =>
  plainClass<Size>(tf, "PadTo", ["height", "width"], {
    shape: sized,
    call: (x, size) => padded(tf, x as tfjs.Tensor4D, size),
  });

/** Bilinear, half-pixel centres; `keepAspect` fills up with zeros instead of distorting. */
export const resizeClass = (tf: Tf) =>
  plainClass<Size & { keepAspect: boolean }>(tf, "Resize", ["height", "width", "keepAspect"], {
    shape: sized,
    call(x, { height, width, keepAspect }) {
      const [, rows, columns] = x.shape as [number, number, number];
      const scale = Math.min(height / rows, width / columns);
      const inner: [number, number] = keepAspect
        ? [Math.round(rows * scale), Math.round(columns * scale)]
        : [height, width];
      return padded(tf, tf.image.resizeBilinear(x as tfjs.Tensor4D, inner, false, true), { height, width });
    },
  });
