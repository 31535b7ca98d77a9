/** Start: the coordinator, and the workers that are this machine's. */
import { basename } from "node:path";
import { systemClock } from "../clock.js";
import { isBetween, tracedSteps } from "../config/placement.js";
import { ALONE_MS, LEAVE_MS, NODES_PATIENCE_MS, REGATHER_MS } from "../config/time-limits.js";
import { type Coordinator, createCoordinator, type Outcome } from "../coordinator/coordinator.js";
import { messageOf } from "../errors.js";
import type { RunEvent } from "../events.js";
import { availableBytes } from "../exchange/available.js";
import type { ModelChoice } from "../models/choice.js";
import type { RunContext } from "./context.js";
import { chooseExchange } from "./exchange.js";
import { superviseLocalWorkers } from "./local-workers.js";
import type { OpenedRun } from "./open.js";
import type { PreparedRun } from "./prepare.js";
import { isReplayed, replayEntry } from "./replay.js";
import { engineChange } from "./resumed.js";
import { firstWorkers, type Supervisor } from "./supervisor.js";

export interface RunningTraining {
  coordinator: Coordinator;
  outcome: Promise<Outcome>;
  startedMs: number;
}

/** What local workers may read and run: the model of this run, which its user chose. */
function filesOf(model: ModelChoice): string[] {
  return model.kind === "file" ? [model.path] : [];
}

export function startTraining(context: RunContext, prepared: PreparedRun, opened: OpenedRun): RunningTraining {
  const { options, events, closing } = context;
  const { training, devices, libraryDir, cacheDir } = prepared;
  const { directory, store, link, file, page } = opened;
  const { dataset, start, topologySha256 } = training;
  const traced = tracedSteps(options.placement, start.step);
  const { exchange, block, warning } = chooseExchange(options.placement.exchange, start, {
    local: libraryDir !== null,
    workers: devices.length * (options.nodes?.count ?? 1),
    availableBytes: availableBytes(),
  });
  if (warning !== null) events.emit({ event: "log", level: "warn", message: warning });
  const startedMs = systemClock.now();
  const isOwn = (event: RunEvent) => event.event === "worker" && event.rank < devices.length;
  const emit = (event: RunEvent) =>
    events.emit(options.nodes && isOwn(event) ? ({ ...event, node: 0 } as RunEvent) : event);
  // The two need each other: the supervisor is there before the first worker is.
  const local: { supervisor: Supervisor | null } = { supervisor: null };
  const coordinator = createCoordinator(
    {
      run: basename(directory.path).slice(0, 64),
      start,
      train: dataset.train.count,
      test: dataset.test.count,
      expect: { datasetSha256: dataset.sha256, topologySha256 },
      workers: devices.length,
      // Of a run that goes on, some of the workers that waited may have left.
      gatherMs: libraryDir === null && options.resume ? REGATHER_MS : null,
      stopAfterStep: options.stopAfterStep ?? null,
      isTraced: (step) => isBetween(step, traced) || page?.wantsTimeline() === true,
      exchange,
      block,
      nodes: options.nodes ? { count: options.nodes.count - 1, patienceMs: NODES_PATIENCE_MS } : null,
      placement: options.placement,
    },
    {
      link,
      file,
      clock: systemClock,
      emit,
      engineKnown(fingerprint) {
        const change = engineChange(start, fingerprint, options.resume?.allowDifferentEngine ?? false);
        if (change) events.emit({ event: "log", level: "warn", message: change.warning });
        return change?.recipeSha256 ?? start.recipeSha256;
      },
      save: (snapshot, read) => store.save(snapshot, read),
      newest: async () => ((await store.isEmpty()) ? null : (await store.loadNewest()).snapshot),
      assertHeld: () => directory.lock.assertHeld(),
      async committed(snapshot) {
        if (isReplayed(snapshot)) directory.recordReplay(await replayEntry(snapshot));
      },
      endWorker: async (rank, incarnation) => local.supervisor?.end(rank, incarnation),
      workersPossible() {
        if (libraryDir === null) return Number.POSITIVE_INFINITY;
        const own = local.supervisor?.possible() ?? devices.length;
        // Other machines may always come; but where this one's workers are gone for good, theirs would fare no better.
        return options.nodes && own > 0 ? Number.POSITIVE_INFINITY : own;
      },
      logTail: (rank) => directory.logTail(rank),
    },
  );
  const outcome = coordinator.run();
  if (libraryDir !== null) {
    const { dataDir, maxRestarts } = options.placement;
    const supervisor = superviseLocalWorkers(
      {
        settings: {
          endpoint: link.endpoint,
          key: null,
          aloneMs: ALONE_MS,
          libraryDir,
          dataDir,
          cacheDir,
          modelFiles: filesOf(start.recipe.model),
        },
        memory: exchange === "shared-memory" ? { descriptor: file.descriptor, block } : null,
        workers: firstWorkers(devices.length),
        devices,
        maxRestarts,
        clock: systemClock,
      },
      { ...coordinator, emit },
      directory,
    );
    closing.add(() => supervisor.close(LEAVE_MS));
    local.supervisor = supervisor;
    try {
      supervisor.start();
    } catch (error) {
      // Nobody will follow this training: it must not begin with those that did start, nor wait for workers for ever.
      coordinator.requestStop(`its workers could not be started: ${messageOf(error)}`);
      outcome.catch(() => {}); // the first failure is the one to tell
      throw error;
    }
  }
  return { coordinator, outcome, startedMs };
}
