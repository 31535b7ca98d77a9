/** A file of weights from anywhere: what training begins from, or what is evaluated in a checkpoint's place. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { clauseOf, messageOf, UsageError } from "../errors.js";
import { float32Of, type NamedTensor, parseSafetensors, safetensorsMetadata } from "./safetensors.js";
import { type WeightsMetadata, weightsMetadata } from "./weights-metadata.js";

export interface ReadWeights {
  tensors: NamedTensor[];
  sha256: string;
  /** What it says of its network, where it is an export of ours. */
  metadata: WeightsMetadata;
}

/**
 * The file's tensors as float32 (F16, BF16 and F64 are converted; those of other types are left out). `called`: how an
 * error names the file. UsageError `init-weights` for a file that is missing, damaged or of another format.
 */
export async function readWeightsFile(path: string, called = `--init-weights ${path}`): Promise<ReadWeights> {
  const file = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    const what = error.code === "ENOENT" ? "does not exist" : `cannot be read: ${messageOf(error)}`;
    throw new UsageError("init-weights", `${called} ${what}. ${EXPECTED}`, { cause: error });
  });
  try {
    const tensors = parseSafetensors(path, file).flatMap((stored): NamedTensor[] => {
      const data = float32Of(stored);
      return data ? [{ name: stored.name, shape: stored.shape, data }] : [];
    });
    const metadata = weightsMetadata(safetensorsMetadata(path, file));
    return { tensors, sha256: createHash("sha256").update(file).digest("hex"), metadata };
  } catch (error) {
    throw new UsageError("init-weights", `${called}: ${clauseOf(error)}. ${EXPECTED}`, { cause: error });
  }
}

const EXPECTED =
  "Give a checkpoint's weights.safetensors, or a state dict saved by safetensors.torch.save_file (a .pth file is not read).";
