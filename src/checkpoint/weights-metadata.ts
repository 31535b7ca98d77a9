/** What our exports say of the network whose weights they hold, in the metadata of a safetensors file. */
import { z } from "zod";

const optionValue = z.union([z.string(), z.number(), z.boolean()]);
const size = z.number().int().min(1);
const fields = {
  model: z.string().min(1),
  model_options: z.record(z.string(), optionValue),
  input: z.tuple([size, size, size]),
  class_names: z.array(z.string()).min(1),
  normalization: z.object({ mean: z.array(z.number()), deviation: z.array(z.number().positive()) }).nullable(),
} as const;

export type WeightsMetadata = { readonly [K in keyof typeof fields]?: z.infer<(typeof fields)[K]> };

/** Each field that is there and of its form; a file of other software's may call anything by these names. */
export function weightsMetadata(metadata: Readonly<Record<string, string>>): WeightsMetadata {
  const found = Object.entries(fields).flatMap(([key, schema]) => {
    const parsed = schema.safeParse(key === "model" ? metadata[key] : parsedJson(metadata[key]));
    return parsed.success ? [[key, parsed.data] as const] : [];
  });
  return Object.fromEntries(found) as WeightsMetadata;
}

function parsedJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? "");
  } catch {
    return undefined;
  }
}
