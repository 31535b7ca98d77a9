import { fork } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { completePlacement } from "../config/placement.js";
import { backoffMs } from "../config/time-limits.js";
import { assignDevices, listGpus } from "../engine/gpus.js";
import { ensureTensorflow } from "../engine/install.js";
import { CnnDistError, EXIT } from "../errors.js";
import { cacheDirectory } from "../paths.js";
import { WORKER_EXIT, WORKER_MODULE, workerEnvironment } from "../run/supervisor.js";
import { checkTcpEndpoint } from "../transport/address.js";
import { path, placement } from "./values.js";
import { work } from "./work.js";

/** One worker, until the coordinator sends it home; one that was taken for dead comes back as a new incarnation. */
export const command = work(
  { connect: path, device: placement.device, dataDir: placement.dataDir },
  async ({ connect: endpoint, ...where }, { io, reporter, signal: stopping }) => {
    checkTcpEndpoint("--connect", endpoint);
    const { device, dataDir } = completePlacement(where);
    const cacheDir = cacheDirectory(io.env);
    const assigned = assignDevices({ workers: 1, device, gpus: device === "cpu" ? [] : await listGpus(io.env) })
      .devices[0]!;
    const { dir } = await ensureTensorflow({
      gpu: assigned.kind === "gpu",
      cacheDir,
      env: io.env,
      signal: stopping,
      onProgress: (progress) => reporter.progress(progress),
    });
    reporter.note(`worker on ${assigned.name}, for the coordinator at ${endpoint}`);
    const settings = {
      endpoint,
      token: null,
      log: null,
      device: assigned.kind,
      deviceName: assigned.name,
      libraryDir: dir,
      dataDir,
      cacheDir,
    };
    for (let attempt = 1; ; attempt++) {
      const { code, signal } = await incarnation(workerEnvironment(settings, assigned.env), stopping);
      if (stopping.aborted) return EXIT.stopped;
      if (code === WORKER_EXIT.evicted) {
        reporter.note("it was taken for dead, and comes back");
        await sleep(backoffMs(attempt), undefined, { signal: stopping }).catch(() => {});
        continue;
      }
      if (signal !== null) throw new CnnDistError("worker", `the worker's process was ended by ${signal}`);
      return code === WORKER_EXIT.stopped ? EXIT.done : code === WORKER_EXIT.refused ? EXIT.usage : EXIT.failed;
    }
  },
);

/** Time that an incarnation gets to say goodbye. */
const LEAVE_MS = 2000;

/** A process of its own for each: TensorFlow cannot be left behind in the middle of a step and used again. */
function incarnation(
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => {
    const child = fork(WORKER_MODULE, [], { execArgv: [], stdio: ["ignore", 2, 2, "ipc"], env });
    const leave = () => {
      if (child.connected) child.send("leave");
      setTimeout(() => child.kill("SIGKILL"), LEAVE_MS).unref();
    };
    if (signal.aborted) leave();
    else signal.addEventListener("abort", leave, { once: true });
    child.once("exit", (code, by) => {
      signal.removeEventListener("abort", leave);
      resolve({ code, signal: by });
    });
  });
}
