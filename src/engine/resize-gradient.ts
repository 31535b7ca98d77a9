/** tfjs-node's gradient of bilinear resizing passes over half-pixel centres: its weights would be those of another resize. */
import type * as tfjs from "@tensorflow/tfjs";
import { boolAttribute, typeAttribute } from "./attributes.js";
import { DTYPE } from "./dtype.js";
import type { NodeBackend } from "./tfjs.js";

const KERNEL = "ResizeBilinearGrad";
const BACKEND = "tensorflow";

export function correctResizeGradient(tf: typeof tfjs, backend: NodeBackend): void {
  tf.unregisterKernel(KERNEL, BACKEND);
  tf.registerKernel({
    kernelName: KERNEL,
    backendName: BACKEND,
    kernelFunc({ inputs, attrs }) {
      const { alignCorners, halfPixelCenters } = attrs as unknown as {
        alignCorners: boolean;
        halfPixelCenters: boolean;
      };
      const attributes = [
        typeAttribute("T", DTYPE.float),
        boolAttribute("align_corners", alignCorners),
        boolAttribute("half_pixel_centers", halfPixelCenters),
      ];
      return backend.executeSingleOutput(KERNEL, attributes, [inputs.dy as tfjs.Tensor, inputs.images as tfjs.Tensor]);
    },
  });
}
