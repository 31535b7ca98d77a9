import type { ImageShape } from "../../models/spec.js";

/** Copies the crop of `to`'s shape whose first pixel is at `top`, `left`; what lies outside of the image is black. */
export function crop(
  from: Uint8Array,
  [height, width, channels]: ImageShape,
  { top, left }: { top: number; left: number },
  to: Uint8Array,
  [rows, columns]: ImageShape,
): void {
  const inside = top >= 0 && left >= 0 && top + rows <= height && left + columns <= width;
  if (!inside) to.fill(0);
  const first = Math.max(0, -left);
  const end = Math.min(columns, width - left);
  if (end <= first) return;
  for (let row = Math.max(0, -top); row < Math.min(rows, height - top); row++) {
    const start = ((top + row) * width + left + first) * channels;
    to.set(from.subarray(start, start + (end - first) * channels), (row * columns + first) * channels);
  }
}
