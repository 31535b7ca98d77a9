/** The workers that a run starts on its own machine: one a device, each known to the coordinator by a secret of its own. */
import { randomBytes } from "node:crypto";
import { closeSync } from "node:fs";
import type { Clock } from "../clock.js";
import type { AssignedDevice } from "../engine/gpus.js";
import type { RunEvent } from "../events.js";
import type { Incarnation } from "../membership/incarnation.js";
import { headerOf, type RunDirectory } from "./directory.js";
import { forkWorker, type InheritedMemory, WORKER_EXIT, type WorkerSettings } from "./fork-worker.js";
import { Supervisor } from "./supervisor.js";

export interface LocalWorkers {
  settings: Omit<WorkerSettings, "token" | "device" | "deviceName" | "devices" | "log" | "memory">;
  /** Null where frames are the exchange. */
  memory: InheritedMemory | null;
  /** Of each, the first incarnation. */
  workers: readonly Incarnation[];
  /** Of each worker, in the same order. */
  devices: readonly AssignedDevice[];
  maxRestarts: number;
  clock: Clock;
}

/** To whom they belong: the coordinator, or their node. */
interface Owner {
  expectWorker(worker: Incarnation & { token: string }): void;
  workerExited(worker: Incarnation & { detail: string }): void;
  emit(event: RunEvent): void;
}

/** Not started yet: the owner has to know its supervisor first. */
export function superviseLocalWorkers(
  { settings, memory, workers, devices, maxRestarts, clock }: LocalWorkers,
  owner: Owner,
  directory: Pick<RunDirectory, "openWorkerLog" | "workerLog" | "log">,
): Supervisor {
  return new Supervisor({
    workers,
    clock,
    launch({ rank, incarnation }) {
      const { kind, name, count, env } = devices[workers.findIndex((worker) => worker.rank === rank)]!;
      const token = randomBytes(16).toString("hex");
      owner.expectWorker({ token, rank, incarnation });
      owner.emit({ event: "worker", rank, incarnation, state: "starting", pid: null, device: name });
      const header = headerOf(`rank ${rank}, incarnation ${incarnation}, ${name}`);
      const log = directory.openWorkerLog(rank, header);
      try {
        const own = { token, device: kind, deviceName: name, devices: count, log: directory.workerLog(rank) };
        return forkWorker({ ...settings, ...own }, env, { output: log, memory });
      } finally {
        if (log !== null) closeSync(log); // the child has its own
      }
    },
    restarts: ({ code }, restarts) => code !== WORKER_EXIT.refused && restarts < maxRestarts,
    onExit({ rank, incarnation, exit: { detail }, restarting }) {
      const next = restarting ? "; it will be started again" : "";
      directory.log(`rank ${rank} (incarnation ${incarnation}): ${detail}${next}`);
      owner.workerExited({ rank, incarnation, detail });
    },
  });
}
