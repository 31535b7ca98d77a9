/** Why a checkpoint could not be written, where, and what to do. Pure. */
import { CnnDistError, messageOf } from "../errors.js";

/** No space, and no space for this user. */
const FULL: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);
const NO_SPACE = { cause: "no space is left on the device", advice: "Free some space there." };
const NOT_WRITABLE = { cause: null, advice: "Make the folder writable for this user again." };
const GONE = { cause: null, advice: "Put the folder back where it was, or mount its disk again." };
const DEVICE = { cause: null, advice: "Look at the disk, or at the file server that it is mounted from." };

/** By the system's error. */
const CAUSES: Readonly<Record<string, { cause: string | null; advice: string }>> = {
  ENOSPC: NO_SPACE,
  EDQUOT: NO_SPACE,
  EROFS: NOT_WRITABLE,
  EACCES: NOT_WRITABLE,
  EPERM: NOT_WRITABLE,
  ENOENT: GONE,
  ENOTDIR: GONE,
  EIO: DEVICE,
  ESTALE: DEVICE,
  ETIMEDOUT: DEVICE,
};
const UNKNOWN = { cause: null, advice: "Look at that folder and its disk." };

export function notWritten(error: unknown, step: number, path: string): CnnDistError {
  const { code = "" } = error as NodeJS.ErrnoException;
  const { cause, advice } = CAUSES[code] ?? UNKNOWN;
  return new CnnDistError(
    FULL.has(code) ? "disk-full" : "checkpoint",
    `step ${step}: the checkpoint could not be written to ${path}: ${cause ?? messageOf(error)}. Older checkpoints are untouched. ${advice}`,
    { cause: error },
  );
}
