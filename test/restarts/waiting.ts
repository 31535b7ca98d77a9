/** Workers whose coordinator is killed, and who wait for the next one. */
import type { CliRun } from "../support/runs.js";

const WAITING = "the coordinator is gone; waiting";

/** How often a worker that was started by hand has told that its coordinator is gone. */
const timesWaiting = (worker: CliRun): number => worker.stderr().split(WAITING).length - 1;

/** Resolves once a worker has told so that often. */
export function waits(worker: CliRun, times: number): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (timesWaiting(worker) < times) return;
      worker.child.stderr!.off("data", look);
      resolve();
    };
    worker.child.stderr!.on("data", look);
    look();
  });
}

/** Processes of workers that a coordinator took in. */
export function pidsOf({ events }: CliRun): number[] {
  return events.flatMap((event) => (event.event === "worker" && event.pid !== null ? [event.pid] : []));
}
