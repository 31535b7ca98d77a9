/** A run's coordinator: the training on one side, the workers that compute for it on the other. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import type { Fingerprint } from "../config/fingerprint.js";
import { globalBatch } from "../data/order.js";
import type { SharedFile } from "../exchange/mapping.js";
import { TrainingMemory } from "../exchange/training-memory.js";
import type { GivenValues, InitialValues } from "../membership/admission.js";
import { Membership } from "../membership/membership.js";
import type { MembersOptions, MembersPorts } from "../membership/ports.js";
import { StopRequested } from "../membership/workers.js";
import { type Layout, layoutOf } from "../parameters/layout.js";
import { Stragglers } from "./stragglers.js";
import { train } from "./training/loop.js";
import type { Outcome, TrainingOptions, TrainingPorts } from "./training/ports.js";

export type { Outcome } from "./training/ports.js";

/** Where training stands: step 0 of a new run, or a loaded checkpoint. */
export interface Start extends Omit<Snapshot, keyof InitialValues> {
  values: GivenValues;
}

export interface CoordinatorOptions extends MembersOptions, Omit<TrainingOptions, "placement"> {
  start: Start;
  /** Shards that one worker adds (src/parameters/blocks.ts). */
  block: number;
  placement: MembersOptions["placement"] & TrainingOptions["placement"];
}

export type CoordinatorPorts = Omit<MembersPorts, "layoutKnown"> &
  Omit<TrainingPorts, "stopping"> &
  EnginePort &
  MemoryPort;

interface EnginePort {
  /** Called once, before the first step, with the workers' engine; returns the recipe_sha256 of what follows, or throws. */
  engineKnown(fingerprint: Fingerprint): string;
}

interface MemoryPort {
  /** Empty; it gets the run's vectors, and the run's own workers have it too if the exchange is shared memory. */
  file: SharedFile;
}

export interface Coordinator {
  /** The whole training, to the end, to a stop or to a failure (rejects with CnnDistError; what was saved stands). */
  run(): Promise<Outcome>;
  /** Drop the step in flight at once, save, tell the workers, resolve `run` as stopped. */
  requestStop(reason: string): void;
  /** A local worker is about to start: only a hello with this token may take the rank. */
  expectWorker(worker: { token: string; rank: number; incarnation: number }): void;
  /** The process of a local worker has ended (the quickest sign of death). */
  workerExited(worker: { rank: number; incarnation: number; detail: string }): void;
  /** workersPossible() may have changed: look whether anybody is left. */
  reconsider(): void;
}

/** CnnDistError `shared-memory` when there is not enough of it. */
export function createCoordinator(options: CoordinatorOptions, ports: CoordinatorPorts): Coordinator {
  let memory: TrainingMemory | null = null;
  const layoutKnown = (layout: Layout) => {
    memory = memoryFor(options, layout, ports.file);
  };
  if (options.start.values !== "from the first worker") layoutKnown(options.start.values.layout);
  const emit = namingStragglers(ports.emit);
  const stopping = new AbortController();
  const membership = new Membership(options, { ...ports, emit, layoutKnown });
  return {
    async run() {
      membership.watch();
      try {
        const start = await startOf(membership, options, ports);
        const outcome: Outcome = start
          ? await train(start, options, membership, { ...ports, emit, stopping: stopping.signal }, memory!)
          : { kind: "stopped", snapshot: withoutWorkers(options.start), checkpoint: null, samplesPerSecond: 0 };
        membership.dismiss(outcome.kind === "done" ? "the training is done" : "the run was stopped", outcome.kind);
        return outcome;
      } catch (error) {
        membership.dismiss("the run failed", "failed");
        throw error;
      }
    },
    requestStop(reason) {
      stopping.abort();
      membership.requestStop(reason);
    },
    expectWorker: (worker) => membership.expectWorker(worker),
    workerExited: (worker) => membership.workerExited(worker),
    reconsider: () => membership.reconsider(),
  };
}

function namingStragglers(emit: TrainingPorts["emit"]): TrainingPorts["emit"] {
  const stragglers = new Stragglers();
  return (event) => {
    emit(event);
    if (event.event === "backup") stragglers.late(event);
    if (event.event === "worker" && event.state === "lost") stragglers.forget(event.rank);
    if (event.event === "step") for (const slow of stragglers.observe(event)) emit(slow);
  };
}

function memoryFor(
  { start: { recipe }, exchange, block }: CoordinatorOptions,
  layout: Layout,
  file: SharedFile,
): TrainingMemory {
  const optimizer = { ...recipe, name: recipe.optimizer };
  const undecayed = recipe.weightDecayExclude === "none" ? [] : layout.trainable.filter((slot) => !slot.decay);
  const shared = exchange === "shared-memory";
  const { shards } = globalBatch(recipe);
  const { ema } = recipe;
  const compressed = recipe.compress !== "none";
  return new TrainingMemory(file, { layout, shards, block, optimizer, undecayed, ema, compressed }, { shared });
}

/** Where training begins once enough workers are there; null when a stop was asked for before. */
async function startOf(
  membership: Membership,
  { start }: CoordinatorOptions,
  { engineKnown }: EnginePort,
): Promise<Snapshot | null> {
  try {
    const { fingerprint, topologySha256: _, ...values } = await membership.gather();
    return { ...withValues(start, values), fingerprint, recipeSha256: engineKnown(fingerprint) };
  } catch (error) {
    if (error instanceof StopRequested) return null;
    throw error;
  }
}

function withValues({ values: _, ...start }: Start, values: InitialValues): Snapshot {
  return { ...start, ...values };
}

/** Of a model whose first worker had not come when the run was stopped, there are no values to save or to hash. */
function withoutWorkers(start: Start): Snapshot {
  const none = { layout: layoutOf([]), weights: new Float32Array(0), state: new Float32Array(0) };
  return withValues(start, start.values === "from the first worker" ? none : start.values);
}
