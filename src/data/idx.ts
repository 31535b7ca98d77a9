/** The IDX format of MNIST and its kin (LeCun, "The MNIST database", file formats): big-endian header, then bytes. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { messageOf, UsageError } from "../errors.js";

export interface IdxFile {
  dims: readonly number[];
  data: Uint8Array;
}

/** No IDX file that we read comes near; a file that unpacks to more is not one. */
const MAX_BYTES = 2 ** 30;

/**
 * Unpacks (if gzipped) and checks one file of unsigned bytes with `rank` dimensions; `name` is for the errors: UsageError
 * `data-damaged` with what was expected and what was received.
 */
export async function parseIdx(name: string, file: Uint8Array, rank: number): Promise<IdxFile> {
  const bytes = file[0] === 0x1f && file[1] === 0x8b ? await unzip(name, file) : file;
  const headerBytes = 4 + 4 * rank;
  if (bytes.byteLength < headerBytes)
    throw damaged(name, `it has ${bytes.byteLength} bytes, fewer than its header of ${headerBytes}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (magic !== 0x0800 + rank)
    throw damaged(name, `its magic number is ${hex(magic)}, expected ${hex(0x0800 + rank)} (unsigned bytes, ${rank}D)`);
  const dims = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const expected = dims.reduce((product, dim) => product * dim, 1);
  const received = bytes.byteLength - headerBytes;
  if (received !== expected)
    throw damaged(name, `its header announces ${dims.join("x")} = ${expected} bytes of data, and ${received} follow`);
  return { dims, data: bytes.subarray(headerBytes) };
}

const inflate = promisify(gunzip);

async function unzip(name: string, file: Uint8Array): Promise<Uint8Array> {
  try {
    return await inflate(file, { maxOutputLength: MAX_BYTES });
  } catch (error) {
    throw damaged(name, `its gzip data do not unpack (${messageOf(error)}; ${file.byteLength} bytes received)`);
  }
}

function hex(word: number): string {
  return `0x${word.toString(16).padStart(8, "0")}`;
}

function damaged(name: string, what: string): UsageError {
  return new UsageError(
    "data-damaged",
    `${name} is truncated or damaged: ${what}. Delete it, or replace it by an intact copy.`,
  );
}
