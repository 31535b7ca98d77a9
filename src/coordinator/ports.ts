/** What the coordinator needs of the world, and what the world may tell it. Tests give fakes; src/run gives the real. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import type { RunEvent } from "../events.js";
import type { Fingerprint } from "../protocol/messages.js";
import type { CoordinatorLink } from "../transport/link.js";

export interface Clock {
  /** Milliseconds, monotonic. */
  now(): number;
  /** Calls back once after `ms`; the returned function cancels it. */
  after(ms: number, callback: () => void): () => void;
}

export interface CoordinatorPorts {
  link: CoordinatorLink;
  clock: Clock;
  emit(event: RunEvent): void;
  /** Writes a checkpoint; resolves once it is durable. */
  save(snapshot: Snapshot): Promise<{ path: string; sizeBytes: number }>;
  /** After each commit, before the next step is assigned: the run's own records (replay hashes). */
  committed?(snapshot: Snapshot): void;
  /** Ends a worker for certain; resolves when it is dead (at once for one of another host, which is only cut off). */
  endWorker(rank: number, incarnation: number): Promise<void>;
  /** Worker processes that live or will be started again; Infinity where they come from other hosts. */
  workersPossible(): number;
  /** For messages about a dead worker: the last lines of its log, "" without one. */
  logTail(rank: number): string;
}

/** A network's layout, and the values that training begins with. */
export type InitialValues = Pick<Snapshot, "layout" | "weights" | "state">;

export interface Start extends Omit<Snapshot, keyof InitialValues> {
  /** A new run of a model of the user's own has none yet: only a worker's TensorFlow can read the file. */
  values: InitialValues | "from the first worker";
}

export interface CoordinatorOptions {
  run: string;
  /** Where training stands: step 0 of a new run, or a loaded checkpoint. */
  start: Start;
  /** Images in the training set and in the test set. */
  train: number;
  test: number;
  /** Expected of every worker, all null for what is not known here (user models: the first worker's word counts). */
  expect: { datasetSha256: string; topologySha256: string | null };
  /** Workers to wait for before the first step; those that come later join at a step boundary. */
  minWorkers: number;
  /** End as "stopped" after this step; null: only where the recipe ends. */
  stopAfterStep: number | null;
  placement: {
    checkpointEverySteps: number;
    evaluateEveryEpochs: number;
    stepTimeout: number;
    heartbeatTimeout: number;
  };
}

/** How a run ended when it did not fail; failures are thrown as CnnDistError. */
export interface Outcome {
  kind: "done" | "stopped";
  snapshot: Snapshot;
  /** Path of the last checkpoint written. */
  checkpoint: string | null;
  samplesPerSecond: number;
  fingerprint: Fingerprint | null;
}

export interface Coordinator {
  /** The whole training, to the end, to a stop or to a failure (rejects with CnnDistError; the last checkpoint stands). */
  run(): Promise<Outcome>;
  /** Finish or drop the step in flight at once, save, tell the workers, resolve `run` as stopped. */
  requestStop(reason: string): void;
  /** A local worker is about to start: only a hello with this token may take the rank. */
  expectWorker(worker: { token: string; rank: number; incarnation: number }): void;
  /** The process of a local worker has ended (the quickest sign of death). */
  workerExited(worker: { rank: number; incarnation: number; detail: string }): void;
  /** workersPossible() may have changed: look whether anybody is left. */
  reconsider(): void;
}
