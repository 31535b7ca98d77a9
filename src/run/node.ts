/** A machine of a run whose coordinator is on another: prepared, and come back whenever it was taken for dead. */
import { lookup } from "node:dns/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as pause } from "node:timers/promises";
import { systemClock } from "../clock.js";
import type { Placement } from "../config/placement.js";
import { ALONE_MS, FIND_AGAIN_MS, FIND_COORDINATOR_MS, LEAVE_MS } from "../config/time-limits.js";
import { type AssignedDevice, listGpus } from "../engine/gpus.js";
import { ensureTensorflow } from "../engine/install.js";
import { CnnDistError, messageOf } from "../errors.js";
import type { RunEvent } from "../events.js";
import { SharedFile } from "../exchange/mapping.js";
import { type NodeOptions, type NodeOutcome, runNode } from "../node/node.js";
import { cacheDirectory, stateDirectory } from "../paths.js";
import type { WorkerKey } from "../transport/keys.js";
import { createSocketDirectory } from "../transport/socket-directory.js";
import { connectWorker } from "../transport/worker-socket.js";
import { bindCoordinator } from "../transport/zeromq.js";
import { Closing } from "./closing.js";
import type { Progress } from "./context.js";
import { devicesFor } from "./devices.js";
import { nodeKey } from "./keys.js";
import { superviseLocalWorkers } from "./local-workers.js";
import { NodeLogs } from "./node-logs.js";
import { serveProbes } from "./node-probes.js";

export interface JoinOptions {
  /** Its number in the run, from 1. */
  node: number;
  /** Where the coordinator listens. */
  host: string;
  port: number;
  placement: Placement;
  /** Folder or file of a key; undefined: from the environment, the run's folder or the user's own. */
  keys: string | undefined;
  /** Seconds that it waits for a coordinator that is gone; never less than a connection may take to heal. */
  waitCoordinator: number;
  /** Models of the user's own that its workers may read and run. */
  modelFiles: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Aborting asks the node to leave. */
  signal: AbortSignal;
  onProgress: (progress: Progress) => void;
  /** Told of what becomes of its workers. */
  observe: (event: RunEvent) => void;
  /** For the person who started it. */
  note: (text: string) => void;
}

interface Place {
  endpoint: string;
  devices: readonly AssignedDevice[];
  libraryDir: string;
  cacheDir: string;
}

/** Resolves with how it ended. UsageError when it cannot be started, CnnDistError when no coordinator is found. */
export async function joinRun(options: JoinOptions): Promise<NodeOutcome> {
  const { node, host, port, placement, env, signal, onProgress, note } = options;
  const cacheDir = cacheDirectory(env);
  const { devices, warnings } = await devicesFor({ placement, remote: false, gpus: () => listGpus(env) });
  for (const warning of warnings) note(warning);
  const gpu = devices.some(({ kind }) => kind === "gpu");
  const { dir: libraryDir } = await ensureTensorflow({ gpu, cacheDir, env, signal, onProgress });
  const endpoint = `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;
  note(`node ${node}: ${devices.length} on ${devices[0]!.name}, for the coordinator at ${endpoint}`);
  const place = { endpoint, devices, libraryDir, cacheDir };
  const probes = await serveProbes(options);
  const observe = (event: RunEvent) => {
    probes?.observe(event);
    options.observe(event);
  };
  const againMs = Math.max(ALONE_MS, options.waitCoordinator * 1000);
  try {
    for (let firstMs = FIND_COORDINATOR_MS; ; firstMs = againMs) {
      const key = await findKey(options, endpoint);
      const outcome = await takePart({ ...options, observe }, place, key, { firstMs, againMs });
      if (outcome.kind !== "evicted" || signal.aborted) return outcome;
      note(`node ${node} was taken for dead (${outcome.detail}), and comes back`);
    }
  } finally {
    await probes?.close();
  }
}

/** Waits for a key that node 0 has yet to make. */
async function findKey({ node, keys, placement, env, signal }: JoinOptions, endpoint: string): Promise<WorkerKey> {
  const deadlineMs = systemClock.now() + FIND_COORDINATOR_MS;
  for (;;) {
    const key = nodeKey(keys, placement.runDir, endpoint, env);
    if (key) return key;
    if (systemClock.now() > deadlineMs)
      throw new CnnDistError(
        "worker",
        `node ${node}: there is no key in ${placement.runDir}/keys, where node 0 makes it (waited ${FIND_COORDINATOR_MS / 1000} s). Is that folder one that all machines see? Else give keys by --keys: docs/deploy.md says how.`,
      );
    await pause(FIND_AGAIN_MS, undefined, { signal });
  }
}

/** One incarnation of the node, with sockets, memory and workers of its own. */
async function takePart(
  options: JoinOptions,
  place: Place,
  key: WorkerKey,
  waits: NodeOptions["waits"],
): Promise<NodeOutcome> {
  const { node, placement, modelFiles, env, signal, observe, note } = options;
  const { endpoint, devices, libraryDir, cacheDir } = place;
  const closing = new Closing();
  try {
    const sockets = createSocketDirectory(env);
    closing.add(() => sockets.remove());
    const link = await bindCoordinator(sockets.endpoint, null);
    closing.add(() => link.close());
    const up = connectWorker(endpoint, key);
    closing.add(() => up.close());
    const file = SharedFile.create();
    closing.add(() => {
      file.discard();
      file.close();
    });
    const logs: { of: NodeLogs | null } = { of: null };
    const outcome = await runNode(
      {
        node,
        workers: devices.length,
        host: hostname(),
        device: devices[0]!.name,
        pid: process.pid,
        placement,
        waits,
      },
      {
        up,
        link,
        file,
        clock: systemClock,
        observe,
        note,
        logTail: (rank) => logs.of?.logTail(rank) ?? { header: "", lines: [] },
        startWorkers(workers, block, { run }, hooks) {
          const folder = join(placement.runDir ?? join(stateDirectory(env), "nodes", run), "logs");
          logs.of = new NodeLogs(folder);
          note(`node ${node} is rank ${workers.map(({ rank }) => rank).join(", ")}; its workers write to ${folder}`);
          const supervisor = superviseLocalWorkers(
            {
              settings: {
                endpoint: link.endpoint,
                key: null,
                aloneMs: ALONE_MS,
                libraryDir,
                dataDir: placement.dataDir,
                cacheDir,
                modelFiles,
              },
              memory: { descriptor: file.descriptor, block },
              workers,
              devices,
              maxRestarts: placement.maxRestarts,
              clock: systemClock,
            },
            hooks,
            {
              openWorkerLog: (...args) => logs.of!.openWorkerLog(...args),
              workerLog: (rank) => logs.of!.workerLog(rank),
              log: note,
            },
          );
          supervisor.start();
          return {
            end: (rank, incarnation) => supervisor.end(rank, incarnation),
            possible: () => supervisor.possible(),
            close: () => supervisor.close(LEAVE_MS),
          };
        },
      },
      signal,
    );
    if (outcome.kind !== "failed") return outcome;
    return { ...outcome, detail: `${outcome.detail}${await whyUnseen(options)}` };
  } finally {
    await closing.close();
  }
}

/** What a name that is not known adds to the message. */
async function whyUnseen({ host }: JoinOptions): Promise<string> {
  try {
    await lookup(host);
    return "";
  } catch (error) {
    return `; the name ${host} is not known here (${messageOf(error)})`;
  }
}
