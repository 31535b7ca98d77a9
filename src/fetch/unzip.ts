/** Unpacks chosen entries of a zip file; nothing lands outside of the target. */
import { createWriteStream } from "node:fs";
import { dirname, resolve, sep } from "node:path";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import yauzl from "yauzl";
import { CnnDistError } from "../errors.js";
import { makeFolder } from "../make-folder.js";
import { tooLarge } from "./limit.js";

export interface ExtractOptions {
  wanted: (entry: string) => boolean;
  /** Of all wanted entries together, unpacked. */
  maxBytes: number;
  signal?: AbortSignal | undefined;
}

/**
 * Entries keep the right to be executed, and nothing else of their modes. yauzl refuses absolute names and "..", and checks
 * sizes but not CRCs: the caller has checked the whole file's SHA-256. CnnDistError `too-large` before an entry is written
 * that would unpack to more than `maxBytes` with those before it; yauzl ends an entry that is longer than it says.
 */
export async function extractZip(
  file: string,
  target: string,
  { wanted, maxBytes, signal }: ExtractOptions,
): Promise<void> {
  const root = resolve(target) + sep;
  const zip = await new Promise<yauzl.ZipFile>((yes, no) =>
    yauzl.open(file, { lazyEntries: true, autoClose: false }, (error, opened) => (error ? no(error) : yes(opened))),
  );
  let total = 0;
  try {
    for (let entry = await nextEntry(zip); entry; entry = await nextEntry(zip)) {
      if (entry.fileName.endsWith("/") || !wanted(entry.fileName)) continue;
      const path = resolve(target, entry.fileName);
      if (!path.startsWith(root))
        throw new CnnDistError("zip", `${file}: the entry ${entry.fileName} would lie outside of ${target}`);
      total += entry.uncompressedSize;
      if (total > maxBytes) throw tooLarge(`${file}, unpacked`, total, maxBytes);
      makeFolder(dirname(path));
      const executable = ((entry.externalFileAttributes >>> 16) & 0o100) !== 0;
      const out = createWriteStream(path, { mode: executable ? 0o755 : 0o644 });
      await pipeline(await openEntry(zip, entry), out, signal ? { signal } : {});
    }
  } finally {
    zip.close();
  }
}

function nextEntry(zip: yauzl.ZipFile): Promise<yauzl.Entry | null> {
  return new Promise((yes, no) => {
    const done = (act: () => void) => {
      zip.off("entry", onEntry);
      zip.off("end", onEnd);
      zip.off("error", onError);
      act();
    };
    const onEntry = (entry: yauzl.Entry) => done(() => yes(entry));
    const onEnd = () => done(() => yes(null));
    const onError = (error: Error) => done(() => no(error));
    zip.on("entry", onEntry);
    zip.on("end", onEnd);
    zip.on("error", onError);
    zip.readEntry();
  });
}

function openEntry(zip: yauzl.ZipFile, entry: yauzl.Entry): Promise<Readable> {
  return new Promise((yes, no) => zip.openReadStream(entry, (error, stream) => (error ? no(error) : yes(stream))));
}
