/** The compression of a recipe. */
import { bf16 } from "./compression/bf16.js";
import type { Compressor } from "./compression/compressor.js";
import { fp16 } from "./compression/fp16.js";
import { topk } from "./compression/topk.js";

/** Of a recipe's `compress`: none, bf16, fp16 or topk:RATIO. Null for none. */
export function compressorOf(compress: string): Compressor | null {
  if (compress === "none") return null;
  if (compress === "bf16") return bf16();
  if (compress === "fp16") return fp16();
  const ratio = Number(/^topk:(.+)$/.exec(compress)?.[1]);
  if (!(ratio > 0 && ratio <= 1)) throw new RangeError(`there is no compression "${compress}"`);
  return topk(ratio);
}
