/** One worker for a coordinator elsewhere: prepared, started, and started again when it was taken for dead. */
import { systemClock } from "../clock.js";
import type { Placement } from "../config/placement.js";
import { ALONE_MS, LEAVE_MS } from "../config/time-limits.js";
import { listGpus } from "../engine/gpus.js";
import { ensureTensorflow } from "../engine/install.js";
import { readUserModelFile } from "../models/user-file.js";
import { cacheDirectory } from "../paths.js";
import type { WorkerKey } from "../transport/keys.js";
import type { Progress } from "./context.js";
import { devicesFor } from "./devices.js";
import { forkWorker, WORKER_EXIT } from "./fork-worker.js";
import { firstWorkers, Supervisor, type WorkerExit } from "./supervisor.js";

export interface RemoteWorkerOptions {
  /** Where the coordinator listens. */
  endpoint: string;
  key: WorkerKey;
  placement: Pick<Placement, "device" | "devicesPerWorker" | "dataDir">;
  /** Seconds that it waits for a coordinator that is gone, or not there yet; never less than a connection may take to heal. */
  waitCoordinator: number;
  /** Models of the user's own that the worker may read and run. */
  modelFiles: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Aborting asks the worker to leave. */
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
  /** For the person who started it. */
  note: (text: string) => void;
}

/**
 * Resolves with the worker's last exit: the coordinator sent it home or refused it, it failed, or it left when `signal`
 * was aborted. UsageError when it cannot be started.
 */
export async function workFor(options: RemoteWorkerOptions): Promise<WorkerExit> {
  const { endpoint, key, placement, modelFiles, env, signal, onProgress, note } = options;
  const cacheDir = cacheDirectory(env);
  const { devices } = await devicesFor({
    placement: { ...placement, workers: 1 },
    remote: false,
    gpus: () => listGpus(env),
  });
  const device = devices[0]!;
  const { dir } = await ensureTensorflow({ gpu: device.kind === "gpu", cacheDir, env, signal, onProgress });
  note(`worker on ${device.name}, for the coordinator at ${endpoint}`);
  const settings = {
    endpoint,
    key,
    token: null,
    log: null,
    aloneMs: Math.max(ALONE_MS, options.waitCoordinator * 1000),
    modelFiles: modelFiles.map((file) => readUserModelFile(file).path),
    device: device.kind,
    deviceName: device.name,
    devices: device.count,
    libraryDir: dir,
    dataDir: placement.dataDir,
    cacheDir,
  };
  return new Promise((resolve) => {
    const supervisor = new Supervisor({
      workers: firstWorkers(1),
      clock: systemClock,
      launch: () => forkWorker(settings, device.env, { output: process.stderr.fd, memory: null }),
      restarts: ({ code }) => code === WORKER_EXIT.evicted,
      onExit({ exit, restarting }) {
        if (restarting) note("it was taken for dead, and comes back");
        else resolve(exit);
      },
    });
    const leave = () => {
      supervisor.leave();
      void supervisor
        .close(LEAVE_MS)
        .then(() => resolve({ code: WORKER_EXIT.stopped, detail: "it was asked to leave" }));
    };
    supervisor.start();
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
  });
}
