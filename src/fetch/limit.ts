/** Bytes from strangers are counted as they come, and cut off where there are more than there may be. */
import { Transform } from "node:stream";
import { CnnDistError } from "../errors.js";

/** Thrown before the first byte beyond the limit is passed on. It comes again with every attempt. */
export function tooLarge(what: string, receivedBytes: number, maxBytes: number): CnnDistError {
  return new CnnDistError(
    "too-large",
    `${what}: ${receivedBytes} bytes received, at most ${maxBytes} expected; it was stopped there, and what was received was deleted. The source was changed, or this is not the server that it should be.`,
  );
}

/** Passes bytes on and counts them; ends in `tooLarge` with the first byte beyond `maxBytes`. */
export function limitedTo(
  maxBytes: number,
  what: string,
  { counted = 0, onBytes }: { counted?: number; onBytes?: (total: number) => void } = {},
): Transform {
  let total = counted;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      total += chunk.byteLength;
      if (total > maxBytes) return done(tooLarge(what, total, maxBytes));
      onBytes?.(total);
      done(null, chunk);
    },
  });
}

/** Whether the machine, not the source, is why bytes could not be kept. */
export function isDiskFull(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOSPC" || error.code === "EDQUOT");
}

export function diskFull(what: string, path: string, cause: unknown): CnnDistError {
  return new CnnDistError(
    "disk-full",
    `${what}: no space is left for ${path}; what was received was deleted. Free some space and start again.`,
    { cause },
  );
}
