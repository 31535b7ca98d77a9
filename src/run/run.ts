/** A run from its first check to its last event: prepares, starts coordinator and workers, records, and cleans up. */
import { join } from "node:path";
import { CheckpointStore, type Loaded } from "../checkpoint/store.js";
import { systemClock } from "../clock.js";
import type { Placement } from "../config/placement.js";
import type { Recipe } from "../config/recipe.js";
import { LEAVE_MS } from "../config/time-limits.js";
import { type Coordinator, createCoordinator, type Outcome } from "../coordinator/coordinator.js";
import { type AssignedDevice, assignDevices, listGpus } from "../engine/gpus.js";
import { ensureTensorflow } from "../engine/install.js";
import { CnnDistError, errorOf, messageOf, UsageError } from "../errors.js";
import type { DoneEvent, RunEvent } from "../events.js";
import { startMetrics } from "../metrics/server.js";
import { parameterHashes, weightsSha256 } from "../parameters/hash.js";
import { cacheDirectory } from "../paths.js";
import { decodeToCoordinator } from "../protocol/codec.js";
import type { ToCoordinator } from "../protocol/messages.js";
import type { CoordinatorLink } from "../transport/link.js";
import { createSocketDirectory } from "../transport/socket-directory.js";
import { bindCoordinator } from "../transport/zeromq.js";
import { defaultRunDir, RunDirectory } from "./directory.js";
import { type Prepared, planEvent, prepare } from "./plan.js";
import { engineChange } from "./resumed.js";
import { EventStream } from "./stream.js";
import { Supervisor } from "./supervisor.js";

export interface StartOptions {
  recipe: Recipe;
  placement: Placement;
  /**
   * Go on with this run. `keepLength`: as long as the checkpoint's recipe says, not as `recipe` does (a resume may have
   * changed it). `allowDifferentEngine`: with a warning where TensorFlow, its settings or the processor are others.
   */
  resume?: { runDir: string; keepLength?: boolean; allowDifferentEngine?: boolean };
  /** Listen here for workers from elsewhere, instead of starting local ones. */
  bind?: string;
  /** Only plan: every check is made, the plan event comes, no worker starts. */
  dryRun?: boolean;
  /** End as "stopped" after this step, whatever the recipe's length; schedules still follow the recipe. */
  stopAfterStep?: number;
  /** Aborting stops the run as a signal would: what is committed is saved. */
  signal?: AbortSignal;
  /** Called at once with every event, heartbeats included. */
  observe?: (event: RunEvent) => void;
  /** Of bytes, or of what `unit` names. */
  onProgress?: (progress: { what: string; received: number; total: number | null; unit?: string }) => void;
  /** For tests: called with the pids of local workers once they run. */
  onWorkers?: (pids: () => readonly (number | null)[]) => void;
  /** For tests: called with every acceptable message before the coordinator sees it. */
  onMessage?: (message: ToCoordinator) => void;
  env?: NodeJS.ProcessEnv;
}

export interface Run extends AsyncIterable<RunEvent> {
  /** The last event; rejects with CnnDistError when the run failed, UsageError when it could not start. Null for a dry run. */
  readonly result: Promise<DoneEvent | null>;
  /** Stops as soon as possible; what is committed is saved. */
  stop(reason: string): void;
}

/** Steps at the start of a run whose weights are recorded, for `verify`. */
const REPLAY_STEPS = 10;

/** Starts at once and returns; everything that happens comes as events. Heartbeats go to `observe` alone. */
export function startRun(options: StartOptions): Run {
  const stream = new EventStream<RunEvent>();
  const stopping = new AbortController();
  const result = new RunInProgress(options, stopping.signal, (event) => {
    options.observe?.(event);
    if (event.event !== "heartbeat" && event.event !== "rejected") stream.push(event);
  }).carryOut();
  result.then(
    () => stream.close(),
    (error: unknown) => stream.fail(error),
  );
  const stop = (reason: string) => stopping.abort(new CnnDistError("stopped", reason));
  if (options.signal?.aborted) stop("the caller's signal");
  options.signal?.addEventListener("abort", () => stop("the caller's signal"), { once: true });
  return { result, stop, [Symbol.asyncIterator]: () => stream[Symbol.asyncIterator]() };
}

type Cleanup = () => void | Promise<void>;

class RunInProgress {
  readonly #options: StartOptions;
  readonly #signal: AbortSignal;
  readonly #tell: (event: RunEvent) => void;
  readonly #cleanups: Cleanup[] = [];
  readonly #observers: ((event: RunEvent) => void)[] = [];
  /** Of the last evaluation. */
  #accuracy: number | null = null;

  constructor(options: StartOptions, signal: AbortSignal, tell: (event: RunEvent) => void) {
    this.#options = options;
    this.#signal = signal;
    this.#tell = tell;
  }

  async carryOut(): Promise<DoneEvent | null> {
    try {
      return await this.#run();
    } catch (error) {
      this.#emit({ event: "log", level: "error", message: messageOf(error) });
      throw error;
    } finally {
      for (const cleanup of this.#cleanups.reverse()) await cleanup();
    }
  }

  #emit(event: RunEvent): void {
    if (event.event === "eval") this.#accuracy = event.accuracy;
    for (const observe of this.#observers) observe(event);
    this.#tell(event);
  }

  async #run(): Promise<DoneEvent | null> {
    const options = this.#options;
    const { placement, env = process.env } = options;
    const cacheDir = cacheDirectory(env);
    const loaded = options.resume
      ? await new CheckpointStore(options.resume.runDir, placement.keepCheckpoints).loadNewest()
      : null;
    const { devices, warnings } = await this.#devices(env);
    const common = {
      cacheDir,
      signal: this.#signal,
      ...(options.onProgress ? { onProgress: options.onProgress } : {}),
    };
    const data = { ...common, ...(placement.dataDir === null ? {} : { dataDir: placement.dataDir }) };
    const recipe =
      loaded && options.resume?.keepLength
        ? { ...options.recipe, epochs: loaded.snapshot.recipe.epochs, steps: loaded.snapshot.recipe.steps }
        : options.recipe;
    const prepared = await prepare(recipe, data, loaded?.snapshot ?? null);
    this.#signal.throwIfAborted();
    const tensorflow =
      options.bind === undefined
        ? await ensureTensorflow({ ...common, gpu: devices.some(({ kind }) => kind === "gpu"), env })
        : null;
    this.#signal.throwIfAborted();
    if (options.dryRun) {
      this.#emit(
        planEvent(prepared, {
          devices,
          runDir: placement.runDir ?? defaultRunDir(prepared.recipe, new Date()),
          metricsUrl: null,
          resumedFrom: loaded?.path ?? null,
          warnings,
        }),
      );
      return null;
    }
    const directory = this.#directory(prepared.recipe);
    const metricsUrl = await this.#metrics(devices.some(({ kind }) => kind === "gpu"));
    const link = await this.#listen();
    this.#emit(
      planEvent(prepared, {
        devices,
        runDir: directory.path,
        metricsUrl,
        resumedFrom: loaded?.path ?? null,
        warnings: [...warnings, ...passedOver(loaded)],
      }),
    );
    const supervise =
      tensorflow &&
      ((coordinator: Coordinator) =>
        this.#supervise(coordinator, directory, devices, {
          endpoint: link.endpoint,
          libraryDir: tensorflow.dir,
          dataDir: placement.dataDir,
          cacheDir,
        }));
    return this.#train(prepared, directory, link, devices.length, supervise, loaded);
  }

  async #devices(env: NodeJS.ProcessEnv): Promise<{ devices: AssignedDevice[]; warnings: string[] }> {
    const { placement, bind, recipe } = this.#options;
    if (bind !== undefined)
      return {
        devices: Array.from({ length: placement.workers ?? 1 }, () => ({ kind: "cpu", name: "remote", env: {} })),
        warnings: [],
      };
    const gpus = placement.device === "cpu" ? [] : await listGpus(env);
    const assigned = assignDevices({ workers: placement.workers, device: placement.device, gpus });
    if (recipe.precision === "bf16" && assigned.devices.some(({ kind }) => kind === "gpu"))
      throw new UsageError(
        "config",
        "--precision bf16 is not supported on GPUs yet: TensorFlow's rewriter brings it to the CPU alone. Use fp32, or --device cpu.",
      );
    return assigned;
  }

  #directory(recipe: Recipe): RunDirectory {
    const { resume, placement } = this.#options;
    const directory = resume
      ? RunDirectory.open(resume.runDir)
      : RunDirectory.create(placement.runDir ?? defaultRunDir(recipe, new Date()));
    this.#cleanups.push(() => directory.close());
    if (!resume) directory.writeRecipe(recipe);
    this.#observers.push((event) => {
      if (event.event !== "heartbeat" && event.event !== "rejected") directory.record(event);
      if (event.event === "log") directory.log(`${event.level}: ${event.message}`);
      if (event.event === "worker")
        directory.log(
          `rank ${event.rank} (incarnation ${event.incarnation}): ${event.state}${event.detail ? `: ${event.detail}` : ""}`,
        );
    });
    return directory;
  }

  async #metrics(gpu: boolean): Promise<string | null> {
    const { metrics, metricsHost, metricsPort } = this.#options.placement;
    if (!metrics) return null;
    const server = await startMetrics({
      host: metricsHost,
      port: metricsPort,
      ...(gpu ? { gpus: () => listGpus(this.#options.env) } : {}),
    });
    this.#cleanups.push(() => server.close());
    this.#observers.push((event) => server.observe(event));
    return server.url;
  }

  async #listen(): Promise<CoordinatorLink> {
    const { bind } = this.#options;
    let endpoint = bind;
    if (endpoint === undefined) {
      const sockets = createSocketDirectory(this.#options.env);
      this.#cleanups.push(() => sockets.remove());
      endpoint = sockets.endpoint;
    }
    const link = await bindCoordinator(endpoint);
    this.#cleanups.push(() => link.close());
    return this.#options.onMessage ? tapped(link, this.#options.onMessage) : link;
  }

  #supervise(
    coordinator: Coordinator,
    directory: RunDirectory,
    devices: readonly AssignedDevice[],
    settings: { endpoint: string; libraryDir: string; dataDir: string | null; cacheDir: string },
  ): Supervisor {
    const supervisor = new Supervisor({
      settings,
      devices,
      maxRestarts: this.#options.placement.maxRestarts,
      logPath: (rank) => directory.workerLog(rank),
      clock: systemClock,
      onStart: (worker) => {
        coordinator.expectWorker(worker);
        this.#emit({
          event: "worker",
          rank: worker.rank,
          incarnation: worker.incarnation,
          state: "starting",
          pid: null,
          device: devices[worker.rank]!.name,
        });
      },
      onExit: ({ rank, incarnation, detail, restarting }) => {
        directory.log(
          `rank ${rank} (incarnation ${incarnation}): ${detail}${restarting ? "; it will be started again" : ""}`,
        );
        coordinator.workerExited({ rank, incarnation, detail });
      },
    });
    this.#cleanups.push(() => supervisor.close(LEAVE_MS));
    return supervisor;
  }

  async #train(
    prepared: Prepared,
    directory: RunDirectory,
    link: CoordinatorLink,
    workers: number,
    supervise: ((coordinator: Coordinator) => Supervisor) | null,
    loaded: Loaded | null,
  ): Promise<DoneEvent> {
    const { placement } = this.#options;
    const store = new CheckpointStore(directory.path, placement.keepCheckpoints);
    await store.sweep();
    const local: { supervisor: Supervisor | null } = { supervisor: null };
    const startedMs = performance.now();
    const coordinator = createCoordinator(
      {
        run: directory.path.split("/").at(-1)!.slice(0, 64),
        start: prepared.start,
        train: prepared.dataset.train.count,
        test: prepared.dataset.test.count,
        expect: { datasetSha256: prepared.dataset.sha256, topologySha256: prepared.topologySha256 },
        minWorkers: workers,
        stopAfterStep: this.#options.stopAfterStep ?? null,
        placement,
      },
      {
        link,
        clock: systemClock,
        emit: (event) => this.#emit(event),
        engineKnown: (fingerprint) => {
          const { start } = prepared;
          const change = engineChange(start, fingerprint, this.#options.resume?.allowDifferentEngine ?? false);
          if (change) this.#emit({ event: "log", level: "warn", message: change.warning });
          return change?.recipeSha256 ?? start.recipeSha256;
        },
        save: (snapshot) => store.save(snapshot),
        committed: (snapshot) => {
          if (snapshot.step > REPLAY_STEPS) return;
          const { step, loss, layout, fingerprint } = snapshot;
          directory.recordReplay({
            step,
            loss,
            fingerprint,
            weights_sha256: weightsSha256(layout, snapshot),
            parameters: parameterHashes(layout, snapshot),
          });
        },
        endWorker: async (rank, incarnation) => local.supervisor?.end(rank, incarnation),
        workersPossible: () => (supervise ? (local.supervisor?.possible() ?? workers) : Number.POSITIVE_INFINITY),
        logTail: (rank) => directory.logTail(rank),
      },
    );
    const outcome = coordinator.run();
    if (supervise) {
      local.supervisor = supervise(coordinator);
      local.supervisor.start();
      this.#options.onWorkers?.(() => local.supervisor!.pids());
    }
    const stop = () => coordinator.requestStop(messageOf(this.#signal.reason));
    if (this.#signal.aborted) stop();
    else this.#signal.addEventListener("abort", stop, { once: true });
    const ended = await outcome.catch(async (error: unknown) => {
      throw await withResume(error, store, directory.path);
    });
    const done = this.#doneEvent(ended, directory, loaded, (performance.now() - startedMs) / 1000);
    this.#emit(done);
    return done;
  }

  #doneEvent(
    { kind, snapshot, checkpoint, samplesPerSecond }: Outcome,
    directory: RunDirectory,
    loaded: Loaded | null,
    seconds: number,
  ): DoneEvent {
    const newest = checkpoint ?? loaded?.path ?? null;
    return {
      event: kind,
      step: snapshot.step,
      epoch: snapshot.epoch,
      loss: snapshot.loss,
      accuracy: this.#accuracy,
      best_accuracy: snapshot.best?.accuracy ?? null,
      recipe_sha256: snapshot.recipeSha256,
      weights_sha256: weightsSha256(snapshot.layout, snapshot),
      samples_per_second: samplesPerSecond,
      duration_seconds: seconds,
      checkpoint: newest,
      run_dir: directory.path,
      resume_command: kind === "stopped" && newest !== null ? resumeCommand(directory.path) : null,
    };
  }
}

function tapped(link: CoordinatorLink, tap: (message: ToCoordinator) => void): CoordinatorLink {
  return {
    ...link,
    onMessage: (handler) =>
      link.onMessage((peer, parts) => {
        const decoded = decodeToCoordinator(parts);
        if (decoded.ok) tap(decoded.message);
        handler(peer, parts);
      }),
  };
}

function passedOver(loaded: Loaded | null): string[] {
  if (!loaded || loaded.passedOver.length === 0) return [];
  return loaded.passedOver.map(
    ({ path, reason }) => `${path} was passed over: ${reason}. Going on from ${loaded.path}.`,
  );
}

export function resumeCommand(runDir: string): string {
  return `cnn-dist resume ${/[^\w./-]/.test(runDir) ? JSON.stringify(runDir) : runDir}`;
}

/** The failure, with the way to go on from the last checkpoint if there is one. */
async function withResume(error: unknown, store: CheckpointStore, runDir: string): Promise<unknown> {
  const newest = (await store.list()).at(-1);
  if (!(error instanceof CnnDistError) || !newest) return error;
  return errorOf(
    error.code,
    `${error.message}\nThe last checkpoint is ${join(newest)}. Go on from it with: ${resumeCommand(runDir)}`,
    { cause: error },
  );
}
