/** The process of one worker: what the supervisor forks, and what `cnn-dist worker` runs. */
import { hostname } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import type { Engine } from "../engine/engine.js";
import { openEngine } from "../engine/open.js";
import { dieWithParent } from "../engine/prctl.js";
import { CnnDistError, messageOf } from "../errors.js";
import { connectWorker } from "../transport/zeromq.js";
import { runWorker, type WorkerOutcome } from "../worker/worker.js";
import { openWorkshop } from "../worker/workshop.js";
import { WORKER_EXIT, type WorkerSettings } from "./supervisor.js";

/** One incarnation, from hello to its end. */
export async function workOnce(
  settings: WorkerSettings,
  { signal, open }: { signal?: AbortSignal; open?: typeof openEngine } = {},
): Promise<WorkerOutcome> {
  const link = connectWorker(settings.endpoint);
  try {
    const working = runWorker({
      link,
      token: settings.token,
      host: hostname(),
      device: settings.deviceName,
      pid: process.pid,
      prepare: (recipe, progress) =>
        openWorkshop(
          recipe,
          {
            libraryDir: settings.libraryDir,
            device: settings.device,
            ...(open ? { open } : {}),
            data: { cacheDir: settings.cacheDir, ...(settings.dataDir === null ? {} : { dataDir: settings.dataDir }) },
          },
          progress,
        ),
      now: () => performance.now(),
      rssBytes: () => process.memoryUsage.rss(),
    });
    return await (signal ? Promise.race([working, aborted(signal)]) : working);
  } finally {
    await link.close();
  }
}

/** For a process that may live several incarnations: it can open TensorFlow only once. */
export function reusedEngine(): typeof openEngine {
  let opened: { key: string; engine: Engine } | null = null;
  return (options) => {
    const key = JSON.stringify(options);
    if (opened && opened.key !== key) {
      throw new CnnDistError(
        "engine-reuse",
        "the coordinator now asks for another number of threads or another precision than before; start this worker again",
      );
    }
    opened ??= { key, engine: openEngine(options) };
    return opened.engine;
  };
}

function aborted(signal: AbortSignal): Promise<WorkerOutcome> {
  return new Promise((resolve) => {
    const stop = () => resolve({ kind: "stopped", detail: "it was asked to stop" });
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}

async function main(settings: WorkerSettings): Promise<void> {
  // A signal to the whole group is the coordinator's business: it tells the workers. SIGUSR1 without a handler would open
  // Node's inspector.
  for (const signal of ["SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP"] as const) process.on(signal, () => {});
  dieWithParent();
  if (process.ppid !== Number(process.env.CNN_DIST_PARENT)) process.exit(WORKER_EXIT.failed); // it died before we asked
  const outcome = await workOnce(settings).catch(
    (error: unknown): WorkerOutcome => ({
      kind: "failed",
      detail: error instanceof CnnDistError ? messageOf(error) : String((error as Error).stack),
    }),
  );
  process.stderr.write(`${outcome.kind}: ${outcome.detail}\n`);
  // TensorFlow's threads may still be at work on a step that nobody waits for.
  process.exit(
    outcome.kind === "stopped"
      ? WORKER_EXIT.stopped
      : outcome.kind === "refused"
        ? WORKER_EXIT.refused
        : WORKER_EXIT.failed,
  );
}

const given = process.env.CNN_DIST_WORKER;
if (given !== undefined && process.argv[1] === fileURLToPath(import.meta.url))
  await main(JSON.parse(given) as WorkerSettings);
