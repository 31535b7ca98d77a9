/** A checkpoint's folder, read and verified. */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { CnnDistError, messageOf } from "../errors.js";
import { FILES, manifestSchema, snapshotOf } from "./format.js";
import { decodeSafetensors } from "./safetensors.js";
import type { Snapshot } from "./snapshot.js";

/** Files are read and hashed in pieces of this size, so that nothing else waits long meanwhile. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** Throws CnnDistError saying what is wrong with it. */
export async function loadCheckpoint(path: string): Promise<Snapshot> {
  const manifest = manifestSchema.safeParse(parseJson(FILES.manifest, (await readPart(path, FILES.manifest)).bytes));
  if (!manifest.success) throw new CnnDistError("checkpoint", `${FILES.manifest} is not a manifest of this version`);
  const read = async (name: string) => {
    const listed = manifest.data.files[name];
    if (!listed) throw new CnnDistError("checkpoint", `${FILES.manifest} does not list ${name}`);
    const { bytes, sha256 } = await readPart(path, name, listed.bytes);
    if (sha256 !== listed.sha256)
      throw new CnnDistError("checkpoint", `${name} does not have the SHA-256 that its manifest says`);
    return bytes;
  };
  const weights = decodeSafetensors(FILES.weights, await read(FILES.weights));
  const optimizer = decodeSafetensors(FILES.optimizer, await read(FILES.optimizer));
  const ifListed = async (name: string) =>
    manifest.data.files[name] ? decodeSafetensors(name, await read(name)) : null;
  const ema = await ifListed(FILES.ema);
  const residuals = await ifListed(FILES.residuals);
  return snapshotOf({ weights, optimizer, ema, residuals, state: parseJson(FILES.state, await read(FILES.state)) });
}

/** A whole file, of any size, and its SHA-256; refused unread when it has another size than `expected`. */
async function readPart(path: string, name: string, expected?: number): Promise<{ bytes: Uint8Array; sha256: string }> {
  try {
    const file = await open(join(path, name), "r");
    try {
      const { size } = await file.stat();
      if (expected !== undefined && size !== expected)
        throw new CnnDistError("checkpoint", `${name} has ${size} bytes, its manifest says ${expected}`);
      const bytes = new Uint8Array(size);
      const hash = createHash("sha256");
      for (let from = 0; from < size; ) {
        const { bytesRead } = await file.read(bytes, from, Math.min(PIECE_BYTES, size - from), from);
        if (bytesRead === 0) throw new CnnDistError("checkpoint", `${name} ends after ${from} of ${size} bytes`);
        hash.update(bytes.subarray(from, from + bytesRead));
        from += bytesRead;
      }
      return { bytes, sha256: hash.digest("hex") };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof CnnDistError) throw error;
    throw new CnnDistError("checkpoint", `${name} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

function parseJson(name: string, bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    throw new CnnDistError("checkpoint", `${name} is not JSON`);
  }
}
