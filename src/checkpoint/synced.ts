/** Small files and folders that are on disk once a call resolves. */
import { type FileHandle, open } from "node:fs/promises";

/** File systems that keep no folders of their own say so in one of these ways; there is nothing to sync then. */
const NO_FOLDERS: ReadonlySet<unknown> = new Set(["EINVAL", "ENOTSUP"]);

export async function writeSynced(path: string, bytes: Uint8Array): Promise<Uint8Array> {
  await withFile(path, "w", async (file) => {
    await file.writeFile(bytes);
    await file.sync();
  });
  return bytes;
}

export async function syncDirectory(path: string): Promise<void> {
  await withFile(path, "r", (file) =>
    file.sync().catch((error: NodeJS.ErrnoException) => {
      if (!NO_FOLDERS.has(error.code)) throw error;
    }),
  );
}

/** What a file server could not write, it may tell as late as the file is closed. */
async function withFile(path: string, flags: string, use: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, flags);
  try {
    await use(file);
  } finally {
    await file.close();
  }
}
