/** The process of one worker, as fork-worker.ts starts it. */
import { hostname } from "node:os";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { monotonicMs } from "../clock.js";
import { REJOIN_PAUSE_MS } from "../config/time-limits.js";
import { dieWithParent, exitNow } from "../engine/prctl.js";
import { CnnDistError, messageOf } from "../errors.js";
import { SharedFile } from "../exchange/mapping.js";
import { RunMemory } from "../exchange/memory.js";
import { encode } from "../protocol/codec.js";
import { connectWorker } from "../transport/worker-socket.js";
import { KeptSetup } from "../worker/kept-setup.js";
import { openWorkerSetup } from "../worker/setup.js";
import { runWorker, type WorkerOutcome } from "../worker/worker.js";
import { MEMORY_DESCRIPTOR, WORKER_EXIT, type WorkerSettings } from "./fork-worker.js";

interface WorkerEnd {
  kind: Exclude<WorkerOutcome["kind"], "separated">;
  detail: string;
}

/** One incarnation after the other, until one ends as more than its connection does. */
async function work(settings: WorkerSettings, leaving: AbortSignal): Promise<WorkerEnd> {
  const kept = new KeptSetup((recipe, pixelStatistics, progress) =>
    openWorkerSetup(
      recipe,
      pixelStatistics,
      {
        libraryDir: settings.libraryDir,
        device: settings.device,
        devices: settings.devices,
        modelFiles: settings.modelFiles,
        data: { cacheDir: settings.cacheDir, ...(settings.dataDir === null ? {} : { dataDir: settings.dataDir }) },
      },
      progress,
    ),
  );
  for (;;) {
    const { kind, detail } = await workOnce(settings, kept, leaving);
    if (kind !== "separated") {
      if (!leaving.aborted) await kept.close();
      return { kind, detail };
    }
    process.stderr.write(`${detail}; waiting ${settings.aloneMs / 1000} s for one\n`);
    await sleep(REJOIN_PAUSE_MS);
  }
}

/** One incarnation, from hello to its end. */
async function workOnce(settings: WorkerSettings, kept: KeptSetup, leaving: AbortSignal): Promise<WorkerOutcome> {
  const { memory } = settings;
  const link = connectWorker(settings.endpoint, settings.key);
  try {
    const working = runWorker({
      link,
      token: settings.token,
      host: hostname(),
      device: settings.deviceName,
      pid: process.pid,
      log: settings.log,
      prepare: kept.prepare,
      openMemory:
        memory &&
        ((layout, contents) =>
          new RunMemory(SharedFile.inherited(MEMORY_DESCRIPTOR), layout, { ...contents, block: memory.block })),
      aloneMs: settings.aloneMs,
      rejoins: settings.token === null, // a token is good for one hello
      now: monotonicMs,
      rssBytes: () => process.memoryUsage.rss(),
    });
    const outcome = await Promise.race([working, aborted(leaving)]);
    if (leaving.aborted) {
      link.send({ header: encode({ type: "bye" }) }); // so that the coordinator need not wait for its silence
      await link.flush(500);
    }
    return outcome;
  } finally {
    await link.close();
  }
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
  for (const signal of ["SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP", "SIGQUIT"] as const) process.on(signal, () => {});
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {}); // a log on a full disk
  dieWithParent();
  if (process.ppid !== Number(process.env.CNN_DIST_PARENT)) process.exit(WORKER_EXIT.failed); // it died before we asked
  const leaving = new AbortController();
  process.on("message", () => leaving.abort()); // the only word that a parent says: leave
  const outcome = await work(settings, leaving.signal).catch(
    (error: unknown): WorkerEnd => ({
      kind: "failed",
      detail: error instanceof CnnDistError ? messageOf(error) : String((error as Error).stack),
    }),
  );
  process.stderr.write(`${outcome.kind}: ${outcome.detail}\n`);
  exitNow(EXIT_OF[outcome.kind]);
}

const EXIT_OF: Readonly<Record<WorkerEnd["kind"], number>> = {
  stopped: WORKER_EXIT.stopped,
  refused: WORKER_EXIT.refused,
  evicted: WORKER_EXIT.evicted,
  failed: WORKER_EXIT.failed,
};

const given = process.env.CNN_DIST_WORKER;
if (given !== undefined && process.argv[1] === fileURLToPath(import.meta.url))
  await main(JSON.parse(given) as WorkerSettings);
