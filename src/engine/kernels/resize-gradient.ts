/** tfjs-node's gradient of bilinear resizing passes over half-pixel centres: its weights would be those of another resize. */
import type * as tfjs from "@tensorflow/tfjs";
import { boolAttribute, typeAttribute } from "../native/attributes.js";
import type { NodeBackend } from "../native/backend.js";
import { DTYPE } from "../native/dtype.js";
import { replaceKernel } from "./replace.js";

export function correctResizeGradient(tf: typeof tfjs, backend: NodeBackend): void {
  replaceKernel<{ alignCorners: boolean; halfPixelCenters: boolean }>(
    tf,
    "ResizeBilinearGrad",
    (_, { dy, images }, { alignCorners, halfPixelCenters }) => {
      const attributes = [
        typeAttribute("T", DTYPE.float),
        boolAttribute("align_corners", alignCorners),
        boolAttribute("half_pixel_centers", halfPixelCenters),
      ];
      return backend.executeSingleOutput("ResizeBilinearGrad", attributes, [dy!, images!]);
    },
  );
}
