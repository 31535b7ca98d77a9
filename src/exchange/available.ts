/** How much memory this process may still take. */
import { readFileSync } from "node:fs";

/** Bytes, by the machine's memory and the container's limit; what the kernel holds of files counts as free. */
export function availableBytes(): number {
  return process.availableMemory() + (isLimited() ? filesBytes() : 0);
}

/** Without a limit, Linux's own figure counts the files' memory as free already. */
function isLimited(): boolean {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < 2 ** 50;
}

/** Of a container, whose control group is the root that it sees. */
function filesBytes(): number {
  try {
    return Number(/^inactive_file (\d+)$/m.exec(readFileSync("/sys/fs/cgroup/memory.stat", "utf8"))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
