/** A file of weights from anywhere, as --init-weights names it. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { messageOf, UsageError } from "../errors.js";
import { float32Of, type NamedTensor, parseSafetensors } from "./safetensors.js";

/**
 * The file's tensors as float32 (F16, BF16 and F64 are converted; those of other types are left out), and its SHA-256.
 * UsageError `init-weights` for a file that is missing, damaged or of another format.
 */
export async function readWeightsFile(path: string): Promise<{ tensors: NamedTensor[]; sha256: string }> {
  const file = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    const what = error.code === "ENOENT" ? "does not exist" : `cannot be read: ${messageOf(error)}`;
    throw new UsageError("init-weights", `--init-weights ${path} ${what}. ${EXPECTED}`, { cause: error });
  });
  try {
    const tensors = parseSafetensors(path, file).flatMap((stored): NamedTensor[] => {
      const data = float32Of(stored);
      return data ? [{ name: stored.name, shape: stored.shape, data }] : [];
    });
    return { tensors, sha256: createHash("sha256").update(file).digest("hex") };
  } catch (error) {
    throw new UsageError("init-weights", `--init-weights: ${messageOf(error)}. ${EXPECTED}`, { cause: error });
  }
}

const EXPECTED =
  "Give a checkpoint's weights.safetensors, or a state dict saved by safetensors.torch.save_file (a .pth file is not read).";
