/**
 * What the bits of a result depend on beside the recipe: the software and the machine that compute. It is compared when a
 * worker joins, when a run is resumed and when it is verified (docs/decisions/014-fingerprint.md). Pure.
 */
import { z } from "zod";

export const fingerprintSchema = z.strictObject({
  /** cnn-dist's own version. */
  software: z.string().max(64),
  /** TensorFlow's version. */
  tensorflow: z.string().max(64),
  /** SHA-256 of TensorFlow's library, or its build id: the same build, not only the same version. */
  build: z.string().max(128),
  /** cpu, or the GPU's model name. */
  device: z.string().max(128),
  /** x64 or arm64, and the widest vector instructions that TensorFlow chooses by (avx2, avx512f, amx …). */
  instructions: z.string().max(256),
  /** What the environment says to oneDNN: whether it is used, up to which instructions, in which precision. */
  onednn: z.string().max(64),
  threads: z
    .number()
    .int()
    .min(0)
    .max(2 ** 31 - 1),
  deterministic: z.boolean(),
  tf32: z.boolean(),
});
export type Fingerprint = z.infer<typeof fingerprintSchema>;

export interface Difference {
  what: keyof Fingerprint;
  expected: string;
  received: string;
}

/** Field by field; empty when nothing differs. */
export function differences(expected: Fingerprint, received: Fingerprint): Difference[] {
  return (Object.keys(expected) as (keyof Fingerprint)[])
    .filter((key) => expected[key] !== received[key])
    .map((key) => ({ what: key, expected: String(expected[key]), received: String(received[key]) }));
}

/**
 * As `differences`, between what a run recorded and what computes now: versions of cnn-dist that differ in the patch alone
 * are the same, since a release that changes the bits of any recipe raises the minor version.
 */
export function differencesSince(recorded: Fingerprint, now: Fingerprint): Difference[] {
  const compatible = minorOf(recorded.software) === minorOf(now.software);
  return differences(recorded, compatible ? { ...now, software: recorded.software } : now);
}

/** "1.2.3" and "1.2.0-beta.1" are both 1.2. */
function minorOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}

/** What a person may have changed, knowingly or not. */
const CAUSES: Readonly<Record<keyof Fingerprint, string>> = {
  software: "another version of cnn-dist",
  tensorflow: "another version of TensorFlow: 'cnn-dist doctor' shows which is used",
  build: "another build of TensorFlow: 'cnn-dist doctor' shows which is used",
  device: "another kind of GPU, or --device",
  instructions: "another kind of CPU",
  onednn: "TF_ENABLE_ONEDNN_OPTS, ONEDNN_MAX_CPU_ISA or ONEDNN_DEFAULT_FPMATH_MODE in the environment",
  threads: "another number of --threads",
  deterministic: "TF_DETERMINISTIC_OPS in the environment",
  tf32: "NVIDIA_TF32_OVERRIDE in the environment",
};

/** For people: "onednn: expected default, received 0 (TF_ENABLE_ONEDNN_OPTS … in the environment)", one after the other. */
export function describeDifferences(list: readonly Difference[]): string {
  return list
    .map(({ what, expected, received }) => `${what}: expected ${expected}, received ${received} (${CAUSES[what]})`)
    .join("; ");
}
