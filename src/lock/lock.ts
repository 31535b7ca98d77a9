/**
 * The lock of a run's folder: one run at a time writes there, on whatever host or in whatever container it is.
 *
 * The file names its holder. On the holder's own machine the kernel says whether that process lives. From another host or
 * PID namespace nobody can see it, so the holder writes its lock again every `LOCK_BEAT_MS`, and only one that has been silent
 * for `LOCK_SILENT_MS` counts as dead. A holder that was suspended for so long finds out before it commits or writes
 * anything (`assertHeld`, `isHeld`), and stops: two runs never write the same folder.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { LOCK_BEAT_MS, LOCK_LOOK_MS, LOCK_SILENT_MS } from "../config/time-limits.js";
import { CnnDistError, messageOf, UsageError } from "../errors.js";
import { processIdentity } from "../process-identity.js";
import { type Holder, holderSchema, isDead, isHere, type Machine, thisMachine } from "./lock-holder.js";

/** File systems without hard links say so in one of these ways. */
const NO_LINKS: ReadonlySet<unknown> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

export class RunLock {
  /** Names this holder among all that ever were. */
  readonly id: string;
  readonly #path: string;
  readonly #text: string;
  readonly #beating: NodeJS.Timeout;
  readonly #now: () => number;
  #lastBeatMs: number;
  /** When the lock was last read, and was this run's. */
  #lastSeenMs: number;
  #lost = false;

  private constructor(path: string, { id, text }: { id: string; text: string }, now: () => number) {
    this.id = id;
    this.#now = now;
    this.#lastBeatMs = now();
    this.#lastSeenMs = this.#lastBeatMs;
    this.#path = path;
    this.#text = text;
    this.#beating = setInterval(() => this.#beat(), LOCK_BEAT_MS).unref();
  }

  /** `now`: milliseconds, wall clock. UsageError `run-dir-in-use` names the holder; `run-dir` when no lock can be written there. */
  static take(path: string, machine: Machine = thisMachine(), now: () => number = Date.now): RunLock {
    const holder: Holder = {
      host: machine.host,
      pid: process.pid,
      process: processIdentity(process.pid) ?? String(process.pid),
      boot: machine.boot,
      namespace: machine.namespace,
      installation: machine.installation,
      since: new Date(now()).toISOString(),
      id: randomUUID(),
    };
    const mine = { id: holder.id, path: `${path}.${holder.id}`, text: `${JSON.stringify(holder)}\n` };
    try {
      writeFileSync(mine.path, mine.text);
      take(path, mine, machine);
      sweep(path, mine, machine);
    } catch (error) {
      if (error instanceof CnnDistError) throw error;
      throw new UsageError(
        "run-dir",
        `${path} cannot be written: ${messageOf(error)}. A run needs a folder that it can write to.`,
        {
          cause: error,
        },
      );
    } finally {
      rmSync(mine.path, { force: true });
    }
    return new RunLock(path, mine, now);
  }

  /** False for good once another run holds the folder. Reads the file only when this process has slept. */
  isHeld(): boolean {
    if (!this.#lost && this.#now() - this.#lastBeatMs > LOCK_LOOK_MS) this.#beat();
    return !this.#lost;
  }

  /** CnnDistError `lock-lost` once another run holds the folder. */
  assertHeld(): void {
    if (!this.isHeld())
      throw new CnnDistError(
        "lock-lost",
        `${this.#path} is not this run's any more: it was removed, or another run took the folder over while this one was suspended. Nothing more is written. Start again with 'cnn-dist resume' once nobody else writes there.`,
      );
  }

  /**
   * Before files are put in place or removed: reads the lock, whatever the clock says (that of a machine that was paused may
   * have stood still). Throws as `assertHeld` does; CnnDistError `checkpoint` while the lock cannot be read, and was not for
   * so long that another run may have taken it over.
   */
  assertMayWrite(): void {
    if (!this.#lost) this.#look();
    this.assertHeld();
    const unseenMs = this.#now() - this.#lastSeenMs;
    if (unseenMs > LOCK_SILENT_MS)
      throw new CnnDistError(
        "checkpoint",
        `${this.#path} has not been readable for ${Math.round(unseenMs / 1000)} s, so another run may hold the folder by now, and no checkpoint is written there. Look at the disk, or at the file server that it is mounted from.`,
      );
  }

  release(): void {
    clearInterval(this.#beating);
    if (!this.#lost && read(this.#path)?.text === this.#text) rmSync(this.#path, { force: true });
  }

  /** Writes the same bytes again: their time is then the file server's, whatever this host's clock says. */
  #beat(): void {
    try {
      const file = openSync(this.#path, "r+");
      try {
        this.#see(readFileSync(file, "utf8"));
        if (this.#lost) return;
        writeSync(file, this.#text, 0);
        this.#lastBeatMs = this.#now();
      } finally {
        closeSync(file);
      }
    } catch {
      this.#look();
    }
  }

  #see(text: string): void {
    if (text === this.#text) this.#lastSeenMs = this.#now();
    else this.#lost = true;
  }

  /** A file server that does not answer, a disk that is full or read-only, or a folder that is gone takes no lock away. */
  #look(): void {
    try {
      this.#see(readFileSync(this.#path, "utf8"));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") this.#lost = existsSync(dirname(this.#path));
    }
  }
}

/** Whether a run that lives, as far as it can be told from here, holds this lock. Only looks. `nowMs`: wall clock. */
export function isLocked(path: string, machine: Machine, nowMs: number): boolean {
  try {
    const found = read(path);
    if (found === null) return false;
    return !isDead(found.holder, machine, {
      processIdentity,
      silentMs: nowMs - found.mtimeMs,
      limitMs: LOCK_SILENT_MS,
    });
  } catch {
    return false; // no lock of ours
  }
}

interface Mine {
  /** A file with the whole text, so that the lock never exists without it. */
  path: string;
  text: string;
}

/**
 * Only its holder removes a lock that is alive. One that is dead is replaced in one rename, by the process that holds the
 * right to do so: a lock of the same kind beside it, which a process that dies in that moment leaves behind, to be taken over in the same way.
 */
function take(path: string, mine: Mine, machine: Machine): void {
  for (;;) {
    if (create(path, mine.path)) return;
    const found = read(path);
    if (found === null) continue; // released in this moment
    if (found.text === mine.text) return; // NFS may say that a link failed which it made
    const silentMs = lstatSync(mine.path).mtimeMs - found.mtimeMs; // both times are the file server's
    if (!isDead(found.holder, machine, { processIdentity, silentMs, limitMs: LOCK_SILENT_MS }))
      throw inUse(path, found.holder, machine, silentMs);
    const right = `${path}.takeover`;
    const successor = `${mine.path}.new`;
    take(right, mine, machine);
    try {
      if (read(path)?.text === found.text) {
        copyFileSync(mine.path, successor);
        renameSync(successor, path); // not `mine` itself: a rename of a file over its own hard link does nothing
        return;
      }
    } finally {
      rmSync(successor, { force: true });
      rmSync(right, { force: true });
    }
  }
}

/** Removes what others left beside the lock who were killed as they took it. Only the lock's holder may do so. */
function sweep(path: string, mine: Mine, machine: Machine): void {
  const isLeft = (other: string) => {
    const found = read(other);
    const silentMs = found === null ? 0 : lstatSync(mine.path).mtimeMs - found.mtimeMs;
    return found !== null && isDead(found.holder, machine, { processIdentity, silentMs, limitMs: LOCK_SILENT_MS });
  };
  for (const name of readdirSync(dirname(path)).filter((each) => each.startsWith(`${basename(path)}.`))) {
    const other = join(dirname(path), name);
    try {
      if (!isLeft(other)) continue;
      // The right to take a lock over is one itself: whoever takes it over at this moment keeps it.
      if (/^(\.takeover)+$/.test(name.slice(basename(path).length))) take(other, mine, machine);
      rmSync(other, { force: true });
    } catch {
      // it does no harm, and the next start tries again
    }
  }
}

/** False when there is one already. */
function create(path: string, text: string): boolean {
  try {
    linkSync(text, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    if (!NO_LINKS.has(code)) throw error;
  }
  try {
    copyFileSync(text, path, constants.COPYFILE_EXCL);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Null when there is none. UsageError when it is no file. `holder` is null where the text is not one of ours. */
function read(path: string): { text: string; holder: Holder | null; mtimeMs: number } | null {
  try {
    if (!lstatSync(path).isFile())
      throw new UsageError(
        "run-dir",
        `${path} is not a file: the run's lock has to be there, and something else was put in its place. Move it away, or give a new run another folder.`,
      );
    const text = readFileSync(path, "utf8"); // on NFS, opening a file brings its time up to date
    const { mtimeMs } = lstatSync(path);
    return { text, holder: holderOf(text), mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

const UNKNOWN = { host: null, boot: null, namespace: null, installation: null, since: null, id: "" } as const;

function holderOf(text: string): Holder | null {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    // Before there were hosts in it, a lock held "PID START" alone.
    return /^\d+ \d+$/.test(text) ? { ...UNKNOWN, pid: Number.parseInt(text, 10), process: text } : null;
  }
}

function inUse(path: string, holder: Holder | null, machine: Machine, silentMs: number): UsageError {
  const who = holder ? ` (process ${holder.pid})` : "";
  const where = holder?.host ? ` on ${holder.host}` : "";
  const since = holder?.since ? ` since ${holder.since}` : "";
  const head = `${dirname(path)} is in use by another run${who}${where}${since}.`;
  if (holder && isHere(holder, machine))
    return new UsageError("run-dir-in-use", `${head} Wait for it, stop it, or give a new run another folder.`);
  const seconds = Math.max(0, Math.round(silentMs / 1000));
  return new UsageError(
    "run-dir-in-use",
    [
      `${head} That process cannot be seen from here (another host, container or start of this machine); its last sign of life was ${seconds} s ago.`,
      `Wait for it, stop it there, or give a new run another folder. If you are sure that it has ended, remove the file ${path} and start again; after ${LOCK_SILENT_MS / 1000} s without a sign of life that is not needed.`,
    ].join("\n"),
  );
}
