/** Files that must be their user's alone: looked at and read through one descriptor, so that they are not changed between the two. */
import { closeSync, constants, fstatSync, openSync, readFileSync } from "node:fs";

/**
 * `unread`: a secret, which nobody else may have read; one that a container mounts belongs to root, and is readable by the
 * container's group. `unwritten`: a list, which nobody else may have changed.
 */
export type Guard = "unread" | "unwritten";

/** The text of such a file. An Error says why it is not to be used; the system's own (ENOENT and others) come as they are. */
export function readGuarded(file: string, guard: Guard): string {
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK); // or a pipe would be waited for
  try {
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) throw new Error(`${file} is no file`);
    const { uid, mode } = stat;
    const ours = uid === 0 || uid === process.getuid?.();
    const has = `mode ${(mode & 0o777).toString(8).padStart(4, "0")}, user ${uid}`;
    if (guard === "unread" && (!ours || (mode & (uid === 0 ? 0o037 : 0o077)) !== 0))
      throw new Error(
        `${file} can be read by others (${has}): a secret must not. Run 'chmod 600 ${file}', and make a new one if others may have read it`,
      );
    if (guard === "unwritten" && (!ours || (mode & 0o022) !== 0))
      throw new Error(`${file} can be written by others (${has}): anybody could add to it. Run 'chmod 600 ${file}'`);
    return readFileSync(descriptor, "utf8");
  } finally {
    closeSync(descriptor);
  }
}
