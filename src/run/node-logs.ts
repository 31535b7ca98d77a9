/** Where a node's workers write: as in the run's folder, which may be on this machine's disk alone. */
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { makeFolder } from "../make-folder.js";
import type { LogTail } from "../membership/ports.js";
import { tailOf } from "./directory.js";

export class NodeLogs {
  readonly folder: string;

  /** Makes the folder. Throws when it cannot be made. */
  constructor(folder: string) {
    this.folder = folder;
    makeFolder(folder);
  }

  workerLog(rank: number): string {
    return join(this.folder, `rank-${rank}.log`);
  }

  /** A file descriptor, to be closed by the caller; null where there is no space for one, or no right to it. */
  openWorkerLog(rank: number, header: string): number | null {
    try {
      const log = openSync(this.workerLog(rank), "a");
      writeSync(log, `${header}\n`);
      return log;
    } catch {
      return null;
    }
  }

  logTail(rank: number): LogTail {
    return tailOf(this.workerLog(rank));
  }
}
