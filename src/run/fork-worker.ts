/** One worker's process: what it is told, the environment in which it starts, and the ways in which it can be ended. */
import { type ChildProcess, type ForkOptions, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { messageOf } from "../errors.js";
import type { WorkerKey } from "../transport/keys.js";
import type { WorkerExit, WorkerProcess } from "./supervisor.js";

/** What a worker process needs to know; it travels in its environment. */
export interface WorkerSettings {
  endpoint: string;
  /** Null for a private socket. */
  key: WorkerKey | null;
  token: string | null;
  device: "cpu" | "gpu";
  deviceName: string;
  /** Devices of that kind, on which the network's towers lie. */
  devices: number;
  /** Milliseconds without a coordinator after which it gives up. */
  aloneMs: number;
  /** Models of the user's own that it may read and run. */
  modelFiles: readonly string[];
  /** Where its output goes; null for the terminal. */
  log: string | null;
  libraryDir: string;
  dataDir: string | null;
  cacheDir: string;
  /** Of the run's memory file, which is its descriptor MEMORY_DESCRIPTOR; null: it has none. */
  memory: { block: number } | null;
}

/** A run's memory as its workers get it: the file's descriptor here, and the shards a block (src/parameters/blocks.ts). */
export interface InheritedMemory {
  descriptor: number;
  block: number;
}

/** Number that the run's memory file has in a worker: the one after Node's channel to its parent. */
export const MEMORY_DESCRIPTOR = 4;

/** Exit codes of a worker process. After `refused`, starting it again would not help. */
export const WORKER_EXIT = { stopped: 0, failed: 1, refused: 2, evicted: 3 } as const;

const WORKER_MODULE = fileURLToPath(new URL("worker-process.js", import.meta.url));

/** What the C library, libuv and TensorFlow read before any code of ours runs, beside what is set already. */
export function earlyEnvironment(given: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return {
    ...given,
    // Four blocked calls of TensorFlow would hold all of libuv's default pool.
    UV_THREADPOOL_SIZE: "8",
    // Pages of 2 MB under large tensors: 3% of a step of VGG13. Who has tunables of their own keeps them.
    GLIBC_TUNABLES: given.GLIBC_TUNABLES ?? "glibc.malloc.hugetlb=1",
    TF_CPP_MIN_LOG_LEVEL: given.TF_CPP_MIN_LOG_LEVEL ?? "2",
  };
}

/**
 * A process of its own for each incarnation: TensorFlow cannot be left behind in the middle of a step and used again.
 * `output`: the file descriptor that takes what it writes; null: nowhere. `memory`: the run's; null: it
 * gets none, and frames are the exchange.
 */
export function forkWorker(
  settings: Omit<WorkerSettings, "memory">,
  device: Readonly<Record<string, string>>,
  { output, memory }: { output: number | null; memory: InheritedMemory | null },
): WorkerProcess {
  const to = output ?? "ignore";
  const told: WorkerSettings = { ...settings, memory: memory && { block: memory.block } };
  const options: ForkOptions = {
    execArgv: [], // a debugger's port or a loader of the launcher is not for the workers
    stdio: ["ignore", to, to, "ipc", ...(memory === null ? [] : [memory.descriptor])],
    env: {
      ...earlyEnvironment(process.env),
      ...device,
      CNN_DIST_DEVICE_NAME: settings.deviceName,
      CNN_DIST_WORKER: JSON.stringify(told),
      CNN_DIST_PARENT: String(process.pid),
    },
  };
  try {
    return processOf(fork(WORKER_MODULE, [], options));
  } catch (error) {
    // Node tells of some causes (too many files, no permission) by an event, and throws the others (no memory).
    return { exited: Promise.resolve(notStarted(error)), leave() {}, kill() {} };
  }
}

function processOf(child: ChildProcess): WorkerProcess {
  child.channel?.unref();
  return {
    exited: exitOf(child),
    leave: () => void (child.connected && child.send("leave")),
    kill: () => void child.kill("SIGKILL"),
  };
}

function notStarted(error: unknown): WorkerExit {
  return { code: null, detail: `its process could not be started: ${messageOf(error)}` };
}

function exitOf(child: ChildProcess): Promise<WorkerExit> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) =>
      resolve({
        code,
        detail: signal ? `its process was ended by ${signal}` : `its process ended with exit code ${code}`,
      }),
    );
    child.once("error", (error) => resolve(notStarted(error)));
  });
}
