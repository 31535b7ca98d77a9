import { z } from "zod";
import { completePlacement } from "../config/placement.js";
import { LONGEST_WAIT_COORDINATOR } from "../config/time-limits.js";
import { CnnDistError, EXIT } from "../errors.js";
import { WORKER_EXIT } from "../run/fork-worker.js";
import { workerKeyFor } from "../run/keys.js";
import { workFor } from "../run/remote-worker.js";
import { checkTcpEndpoint } from "../transport/address.js";
import { path, placement } from "./values.js";
import { work } from "./work.js";

/** One worker, until the coordinator sends it home; one that was taken for dead comes back as a new incarnation. */
export const command = work(
  {
    connect: path,
    keys: path.optional(),
    modelFile: z.array(path).optional(),
    waitCoordinator: z.number().min(0).max(LONGEST_WAIT_COORDINATOR).default(0),
    device: placement.device,
    devicesPerWorker: placement.devicesPerWorker,
    dataDir: placement.dataDir,
  },
  async ({ connect, keys, modelFile = [], waitCoordinator, ...where }, { io, reporter, signal }) => {
    checkTcpEndpoint("--connect", connect);
    const { code, detail } = await workFor({
      endpoint: connect,
      key: workerKeyFor(keys, connect, io.env),
      placement: completePlacement(where),
      modelFiles: modelFile,
      waitCoordinator,
      env: io.env,
      signal,
      onProgress: (progress) => reporter.progress(progress),
      note: (text) => reporter.note(text),
    });
    if (signal.aborted) return EXIT.stopped;
    if (code === null) throw new CnnDistError("worker", `the worker is gone: ${detail}`);
    return code === WORKER_EXIT.stopped ? EXIT.done : code === WORKER_EXIT.refused ? EXIT.usage : EXIT.failed;
  },
);
