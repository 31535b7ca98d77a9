/** Reads a gzipped tar archive (POSIX.1-1988 ustar, and what GNU tar makes of it) as far as data sets need it. */
import { createReadStream } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { createGunzip } from "node:zlib";
import { CnnDistError, messageOf } from "../errors.js";
import { makeFolder } from "../make-folder.js";
import { diskFull, isDiskFull, tooLarge } from "./limit.js";

const BLOCK = 512;

export interface UnpackOptions {
  /** Where a file of the archive goes, by its name there; null for what is not wanted. */
  target: (name: string) => string | null;
  /** Of the archive once it is unzipped, unwanted files included. */
  maxBytes: number;
}

/**
 * Unpacks the regular files that are wanted; a file appears only when it is whole. Throws CnnDistError `archive` when the
 * archive is damaged or ends too early, `too-large` before anything beyond `maxBytes` is written, `disk-full`.
 */
export async function unpackTarGz(archive: string, { target, maxBytes }: UnpackOptions): Promise<void> {
  const source = createReadStream(archive);
  const unzipped = createGunzip();
  source.on("error", (error) => unzipped.destroy(error));
  const bytes = new Bytes(source.pipe(unzipped), (total) => {
    if (total > maxBytes) throw tooLarge(`${archive}, unpacked`, total, maxBytes);
  });
  try {
    for (;;) {
      const header = await bytes.exactly(BLOCK);
      if (header.every((byte) => byte === 0)) return; // the end is marked by empty blocks
      const { name, size, regular } = parseHeader(header);
      const path = regular ? target(name) : null;
      if (path === null) await bytes.pass(size, async () => {});
      else await writeFile(path, (write) => bytes.pass(size, write));
      await bytes.pass((BLOCK - (size % BLOCK)) % BLOCK, async () => {});
    }
  } catch (error) {
    if (error instanceof CnnDistError) throw error;
    if (isDiskFull(error)) throw diskFull(archive, "its files", error);
    throw new CnnDistError("archive", `${archive} does not unpack: ${messageOf(error)}`, { cause: error });
  } finally {
    source.destroy();
    unzipped.destroy();
  }
}

function parseHeader(header: Buffer): { name: string; size: number; regular: boolean } {
  const text = (start: number, length: number) => {
    const field = header.subarray(start, start + length);
    const end = field.indexOf(0);
    return field.toString("latin1", 0, end < 0 ? length : end);
  };
  const octal = (start: number, length: number) => Number.parseInt(text(start, length).trim(), 8);
  const sum = header.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
  if (octal(148, 8) !== sum) throw new Error("a header's checksum is wrong; it is no tar archive, or damaged");
  const size = octal(124, 12);
  if (!Number.isSafeInteger(size) || size < 0) throw new Error("a header has no valid size");
  const prefix = text(257, 5) === "ustar" ? text(345, 155) : "";
  const type = header[156]!;
  return {
    name: prefix === "" ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    size,
    regular: type === 0 || type === 0x30,
  };
}

type Write = (chunk: Buffer) => Promise<unknown>;

async function writeFile(path: string, fill: (write: Write) => Promise<void>): Promise<void> {
  const part = `${path}.part`;
  makeFolder(dirname(path));
  const file = await open(part, "w");
  try {
    await fill((chunk) => file.writeFile(chunk));
    await file.close();
    await rename(part, path);
  } catch (error) {
    await file.close().catch(() => {});
    await rm(part, { force: true });
    throw error;
  }
}

/** A stream in pieces of the length that is wanted. */
class Bytes {
  readonly #chunks: AsyncIterator<Buffer>;
  readonly #checkTotal: (total: number) => void;
  #rest: Buffer = Buffer.alloc(0);
  #total = 0;

  /** `checkTotal` is told of all bytes that were asked for so far, before they are read, and throws if they are too many. */
  constructor(stream: AsyncIterable<Buffer>, checkTotal: (total: number) => void) {
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#checkTotal = checkTotal;
  }

  async exactly(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    await this.pass(count, async (chunk) => parts.push(chunk));
    return Buffer.concat(parts);
  }

  async pass(count: number, write: Write): Promise<void> {
    this.#total += count;
    this.#checkTotal(this.#total);
    for (let left = count; left > 0; ) {
      if (this.#rest.byteLength === 0) {
        const { done, value } = await this.#chunks.next();
        if (done) throw new Error("it ends too early");
        this.#rest = value;
      }
      const chunk = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(chunk.byteLength);
      left -= chunk.byteLength;
      await write(chunk);
    }
  }
}
