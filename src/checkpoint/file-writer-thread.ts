/** The thread of file-writer.ts. Its calls block, which holds up nobody. */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { parentPort } from "node:worker_threads";

export interface Job {
  /** The bytes of all files; it comes back with the answer. */
  image: ArrayBuffer;
  parts: readonly { path: string; start: number; end: number }[];
}

export interface WrittenFile {
  bytes: number;
  sha256: string;
}

export interface Answer {
  image: ArrayBuffer;
  /** As the job's parts. */
  written: readonly WrittenFile[];
  /** What the system refused; null where all is written. */
  error: { message: string; code: string | undefined } | null;
}

/** Written and hashed at once. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** Writes each part to its file, and syncs it. Never throws. */
export function perform({ image, parts }: Job): Answer {
  try {
    const written = parts.map(({ path, start, end }) => write(path, new Uint8Array(image, start, end - start)));
    return { image, written, error: null };
  } catch (error) {
    const { message, code } = error as NodeJS.ErrnoException;
    return { image, written: [], error: { message, code } };
  }
}

function write(path: string, bytes: Uint8Array): WrittenFile {
  const hash = createHash("sha256");
  const file = openSync(path, "w");
  try {
    for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      hash.update(piece);
      for (let done = 0; done < piece.byteLength; ) done += writeSync(file, piece, done);
    }
    fsyncSync(file);
  } finally {
    closeSync(file); // what a file server could not write, it may tell as late as now
  }
  return { bytes: bytes.byteLength, sha256: hash.digest("hex") };
}

parentPort?.on("message", (job: Job) => {
  const answer = perform(job);
  parentPort?.postMessage(answer, [answer.image]);
});
