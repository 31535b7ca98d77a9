import { statSync } from "node:fs";
import { messageOf } from "../errors.js";

/** Why a path cannot be the folder of a data set; null where it is a folder. */
export function notAFolder(path: string): string | null {
  try {
    return statSync(path).isDirectory() ? null : "it is a file, not a folder";
  } catch (error) {
    const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
    return missing ? "it does not exist" : messageOf(error);
  }
}
