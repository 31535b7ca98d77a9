/** How a recipe names the compression of gradients. */
import { z } from "zod";

const WORD = /^(?:none|bf16|fp16|topk:(\d*\.?\d+(?:e-?\d+)?))$/;

/** `topk:0.010` is written `topk:0.01`: equal recipes have one hash. */
export const compressionSchema = z
  .string()
  .overwrite((text) => {
    const ratio = WORD.exec(text)?.[1];
    return ratio === undefined ? text : `topk:${Number(ratio)}`;
  })
  .refine((text) => {
    const word = WORD.exec(text);
    const ratio = Number(word?.[1] ?? 1);
    return word !== null && ratio > 0 && ratio <= 1;
  }, "none, bf16, fp16 or topk:RATIO, a share of at most 1 such as topk:0.01");
