/** The private folder that holds a run's ipc sockets, and the sweeping of those that dead runs left. */
import {
  accessSync,
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf, UsageError } from "../errors.js";
import { processIdentity } from "../process-identity.js";

const PREFIX = "cnn-dist-";
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
    mkdirSync(base, { recursive: true });
    path = mkdtempSync(join(base, PREFIX)); // mkdtemp makes it 0700
    writeFileSync(join(path, "namespace"), pidNamespace());
    writeFileSync(join(path, "owner"), processIdentity(process.pid) ?? ""); // last: a folder without it is still being made
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

/** In another container, a process number says nothing about this one's processes. */
function pidNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid");
  } catch {
    return "";
  }
}

/** Removes the folders of runs that were killed. */
export function sweepStale(base: string): void {
  for (const name of entries(base)) {
    if (!name.startsWith(PREFIX)) continue;
    const path = join(base, name);
    try {
      const owner = readFileSync(join(path, "owner"), "utf8");
      const namespace = readFileSync(join(path, "namespace"), "utf8");
      if (owner !== "" && namespace === pidNamespace() && processIdentity(Number.parseInt(owner, 10)) !== owner)
        rmSync(path, { recursive: true, force: true });
    } catch {
      // not one of ours, not ours to read, or swept by another start at the same time
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
