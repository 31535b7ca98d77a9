import type { ImageShape } from "../models/spec.js";

/** Of one uint8 image. */
export function imageBytes([height, width, channels]: ImageShape): number {
  return height * width * channels;
}
