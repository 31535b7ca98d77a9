/** The IDX format of MNIST and its kin (LeCun, "The MNIST database", file formats): big-endian header, then bytes. */
import { gunzipSync } from "node:zlib";
import { messageOf, UsageError } from "../errors.js";

export interface IdxFile {
  dims: readonly number[];
  data: Uint8Array;
}

/** Unpacks and checks one file; `name` is for the errors. */
export function parseIdx(name: string, file: Uint8Array, rank: number): IdxFile {
  const bytes = file[0] === 0x1f && file[1] === 0x8b ? unzip(name, file) : file;
  const headerBytes = 4 + 4 * rank;
  if (bytes.byteLength < headerBytes)
    throw damaged(name, `it has ${bytes.byteLength} bytes, fewer than its header of ${headerBytes}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (magic !== 0x0800 + rank)
    throw damaged(name, `its magic number is 0x${magic.toString(16)}, expected 0x${(0x0800 + rank).toString(16)}`);
  const dims = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const expected = dims.reduce((product, dim) => product * dim, 1);
  const received = bytes.byteLength - headerBytes;
  if (received !== expected)
    throw damaged(name, `its header announces ${dims.join("x")} = ${expected} bytes of data, and ${received} follow`);
  return { dims, data: bytes.subarray(headerBytes) };
}

function unzip(name: string, file: Uint8Array): Uint8Array {
  try {
    return gunzipSync(file);
  } catch (error) {
    throw damaged(name, `its gzip data do not unpack (${messageOf(error)}; ${file.byteLength} bytes received)`);
  }
}

function damaged(name: string, what: string): UsageError {
  return new UsageError(
    "data-damaged",
    `${name} is truncated or damaged: ${what}. Delete it, or replace it by an intact copy.`,
  );
}
