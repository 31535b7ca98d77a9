/** Bytes of an image file that a user names. */
import { readFile, stat } from "node:fs/promises";
import { messageOf, UsageError } from "../../errors.js";
import { MAX_FILE_BYTES } from "./inspect.js";

/** UsageError `image-file` for what is missing, cannot be read, is not a regular file or is larger than any image may be. */
export async function readImageFile(path: string): Promise<Buffer> {
  const refuse = (what: string, cause?: unknown) => new UsageError("image-file", `image ${path}: ${what}`, { cause });
  const unreadable = (error: NodeJS.ErrnoException) =>
    refuse(error.code === "ENOENT" ? "it does not exist" : messageOf(error), error);
  const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(error);
  });
  if (!stats.isFile()) throw refuse("it is not a regular file"); // to read a pipe would wait for ever
  if (stats.size > MAX_FILE_BYTES) throw refuse(`it has ${stats.size} bytes, more than ${MAX_FILE_BYTES}`);
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(error);
  });
}
