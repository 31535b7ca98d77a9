import { gzipSync } from "node:zlib";

/** An IDX file of unsigned bytes, gzipped. */
export function idxFile(dims: readonly number[], data: Uint8Array): Buffer {
  return gzipSync(idxBytes(dims, data));
}

export function idxBytes(dims: readonly number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * dims.length);
  header.writeUInt32BE(0x0800 + dims.length, 0);
  for (const [axis, dim] of dims.entries()) header.writeUInt32BE(dim, 4 + 4 * axis);
  return Buffer.concat([header, data]);
}
