/** The end of a log of a run's folder. */
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";

const TAIL_BYTES = 32_768;

/** `of`: "coordinator" or a rank; null: it is neither. "" where nothing was written. A line that begins before it is left out. */
export async function logTail(runDir: string, of: string): Promise<string | null> {
  if (of !== "coordinator" && !/^\d{1,6}$/.test(of)) return null;
  const name = of === "coordinator" ? "coordinator.log" : `rank-${of}.log`;
  // A pipe in its place is not waited for.
  const file = await open(join(runDir, "logs", name), constants.O_RDONLY | constants.O_NONBLOCK).catch(() => null);
  if (file === null) return "";
  try {
    const stats = await file.stat();
    if (!stats.isFile()) return "";
    const { size } = stats;
    const from = Math.max(0, size - TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    const text = buffer.toString("utf8", 0, bytesRead);
    return from === 0 ? text : text.slice(text.indexOf("\n") + 1);
  } finally {
    await file.close();
  }
}
