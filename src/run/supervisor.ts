/** Local worker processes: started, watched, ended for certain, and started again. */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Clock } from "../clock.js";
import { backoffMs } from "../config/time-limits.js";

/** What a worker process needs to know; it travels in its environment. */
export interface WorkerSettings {
  endpoint: string;
  token: string | null;
  device: "cpu" | "gpu";
  deviceName: string;
  /** Where its output goes; null for the terminal. */
  log: string | null;
  libraryDir: string;
  dataDir: string | null;
  cacheDir: string;
}

export interface SupervisorOptions {
  settings: Omit<WorkerSettings, "token" | "device" | "deviceName" | "log">;
  /** One a rank. */
  devices: readonly { kind: "cpu" | "gpu"; name: string; env: Readonly<Record<string, string>> }[];
  maxRestarts: number;
  logPath: (rank: number) => string;
  clock: Clock;
  onStart: (worker: { token: string; rank: number; incarnation: number }) => void;
  onExit: (worker: { rank: number; incarnation: number; detail: string; restarting: boolean }) => void;
}

interface Slot {
  rank: number;
  incarnation: number;
  child: ChildProcess | null;
  exited: Promise<void>;
  restarts: number;
  waiting: boolean;
  cancel: () => void;
}

/** Exit codes by which a worker says that starting it again would not help. */
export const WORKER_EXIT = { stopped: 0, failed: 1, refused: 2, evicted: 3 } as const;

export const WORKER_MODULE = fileURLToPath(new URL("worker-process.js", import.meta.url));

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

/** The environment in which a worker process starts. */
export function workerEnvironment(worker: WorkerSettings, device: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  return {
    ...earlyEnvironment(process.env),
    ...device,
    CNN_DIST_DEVICE_NAME: worker.deviceName,
    CNN_DIST_WORKER: JSON.stringify(worker),
    CNN_DIST_PARENT: String(process.pid),
  };
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #slots: Slot[];
  #closing = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#slots = options.devices.map((_, rank) => ({
      rank,
      incarnation: -1,
      child: null,
      exited: Promise.resolve(),
      restarts: 0,
      waiting: false,
      cancel: () => {},
    }));
  }

  start(): void {
    for (const slot of this.#slots) this.#launch(slot);
  }

  /** Processes that live or will be started again. */
  possible(): number {
    return this.#slots.filter(({ child, waiting }) => child !== null || waiting).length;
  }

  pids(): (number | null)[] {
    return this.#slots.map(({ child }) => child?.pid ?? null);
  }

  /** SIGKILL, which also ends a stopped process; resolves when the process is gone. */
  async end(rank: number, incarnation: number): Promise<void> {
    const slot = this.#slots[rank];
    if (!slot || slot.incarnation !== incarnation) return;
    slot.child?.kill("SIGKILL");
    await slot.exited;
  }

  /** Waits for workers that were told to stop, then ends those that are still there. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    for (const slot of this.#slots) {
      slot.cancel();
      slot.waiting = false;
    }
    const all = Promise.all(this.#slots.map(({ exited }) => exited));
    const timer = setTimeout(() => {
      for (const { child } of this.#slots) child?.kill("SIGKILL");
    }, graceMs);
    await all;
    clearTimeout(timer);
  }

  #launch(slot: Slot): void {
    const { devices, settings, logPath, onStart } = this.#options;
    const device = devices[slot.rank]!;
    slot.incarnation++;
    slot.waiting = false;
    const { rank, incarnation } = slot;
    const token = randomBytes(16).toString("hex");
    const log = openSync(logPath(rank), "a");
    writeSync(log, `--- ${new Date().toISOString()} rank ${rank}, incarnation ${incarnation}, ${device.name}\n`);
    onStart({ token, rank, incarnation });
    const worker: WorkerSettings = {
      ...settings,
      token,
      device: device.kind,
      deviceName: device.name,
      log: logPath(rank),
    };
    const child = fork(WORKER_MODULE, [], {
      execArgv: [], // a debugger's port or a loader of the launcher is not for the workers
      stdio: ["ignore", log, log, "ipc"],
      env: workerEnvironment(worker, device.env),
    });
    closeSync(log);
    child.channel?.unref();
    slot.child = child;
    slot.exited = new Promise((resolve) => {
      const ended = (detail: string, code: number | null) => {
        if (slot.child !== child) return;
        slot.child = null;
        this.#afterExit(slot, detail, code);
        resolve();
      };
      child.once("exit", (code, signal) =>
        ended(signal ? `its process was ended by ${signal}` : `its process ended with exit code ${code}`, code),
      );
      child.once("error", (error) => ended(`its process could not be started: ${error.message}`, null));
    });
  }

  #afterExit(slot: Slot, detail: string, code: number | null): void {
    const { rank, incarnation } = slot;
    const { maxRestarts, clock, onExit } = this.#options;
    const again = !this.#closing && code !== WORKER_EXIT.refused && slot.restarts < maxRestarts;
    if (again) {
      slot.restarts++;
      slot.waiting = true;
      slot.cancel = clock.after(backoffMs(slot.restarts), () => this.#launch(slot));
    }
    onExit({ rank, incarnation, detail, restarting: again });
  }
}
