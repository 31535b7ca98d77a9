/**
 * The private folder that holds a run's ipc sockets, and the sweeping of those that dead runs left. Its name says whose it
 * is, so that there is no moment in which a killed run leaves a folder of nobody's.
 */
import { accessSync, constants, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, UsageError } from "../errors.js";
import { makeFolder } from "../make-folder.js";
import { processIdentity } from "../process-identity.js";

const PREFIX = "cnn-dist-";
/** PID namespace, process number and start (`processIdentity`), and what mkdtemp adds. */
const OWNED = /^cnn-dist-(\d+)-(\d+)-(\d+)-\w{6}$/;
/** sockaddr_un.sun_path holds 108 bytes with its final zero. */
const MAX_PATH_BYTES = 107;

export interface SocketDirectory {
  path: string;
  /** ipc:// address of the coordinator's socket. */
  endpoint: string;
  remove(): void;
}

/** A new 0700 folder under XDG_RUNTIME_DIR, else the temporary directory; sweeps dead ones first. */
export function createSocketDirectory(env: NodeJS.ProcessEnv = process.env): SocketDirectory {
  const base = usable(env.XDG_RUNTIME_DIR) ?? tmpdir();
  sweepStale(base);
  let path: string;
  try {
    makeFolder(base);
    path = mkdtempSync(join(base, ownPrefix())); // mkdtemp makes it 0700
  } catch (error) {
    throw new UsageError(
      "socket-directory",
      `no folder for sockets can be made in ${base}: ${messageOf(error)}. Set TMPDIR to a writable folder.`,
    );
  }
  const socket = join(path, "coordinator.sock");
  if (Buffer.byteLength(socket) > MAX_PATH_BYTES) {
    rmSync(path, { recursive: true, force: true });
    throw new UsageError(
      "socket-directory",
      `${socket} is longer than the ${MAX_PATH_BYTES} bytes that a socket's path may have. Set TMPDIR (or XDG_RUNTIME_DIR) to a shorter folder such as /tmp.`,
    );
  }
  return { path, endpoint: `ipc://${socket}`, remove: () => rmSync(path, { recursive: true, force: true }) };
}

function usable(dir: string | undefined): string | null {
  if (!dir) return null;
  try {
    accessSync(`${dir}/.`, constants.W_OK | constants.X_OK); // after sudo or su it may be another user's
    return dir;
  } catch {
    return null;
  }
}

/** Without /proc nobody could tell whether this process lives: such a folder is never swept. */
function ownPrefix(): string {
  const identity = processIdentity(process.pid);
  return identity === null ? PREFIX : `${PREFIX}${pidNamespace()}-${identity.replace(" ", "-")}-`;
}

/** In another container, a process number says nothing about this one's processes. */
function pidNamespace(): string {
  try {
    return /\d+/.exec(readlinkSync("/proc/self/ns/pid"))![0];
  } catch {
    return "0";
  }
}

/** Removes the folders of runs that were killed. */
export function sweepStale(base: string): void {
  for (const name of entries(base)) {
    const [, namespace, pid, start] = OWNED.exec(name) ?? [];
    if (namespace !== pidNamespace() || processIdentity(Number(pid)) === `${pid} ${start}`) continue;
    try {
      rmSync(join(base, name), { recursive: true, force: true });
    } catch {
      // not ours to remove, or swept by another start at the same time
    }
  }
}

function entries(base: string): string[] {
  try {
    return readdirSync(base);
  } catch {
    return [];
  }
}
