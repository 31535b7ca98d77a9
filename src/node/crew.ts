/** The workers of a node's machine, and the memory that it shares with them. */
import { CnnDistError } from "../errors.js";
import type { RunEvent } from "../events.js";
import type { SharedFile } from "../exchange/mapping.js";
import { type Gathered, layoutOfSpec } from "../membership/admission.js";
import type { Incarnation } from "../membership/incarnation.js";
import { Membership } from "../membership/membership.js";
import type { MembersOptions, MembersPorts } from "../membership/ports.js";
import type { Workers } from "../membership/workers.js";
import type { Layout } from "../parameters/layout.js";
import type { ToWorker } from "../protocol/messages.js";
import { NodeMemory } from "./memory.js";

/** What the coordinator tells a node that said hello. */
export type Task = Extract<ToWorker, { type: "recipe" }>;

/** Processes: started, ended for certain, started again under the same rank. */
export interface LocalWorkers {
  end(rank: number, incarnation: number): Promise<void>;
  /** Those that live or will be started again. */
  possible(): number;
  /** Waits until they have left, as they were told, and ends those that have not. */
  close(): Promise<void>;
}

/** Where those who start processes say what they do. */
export interface Hooks {
  expectWorker(worker: Incarnation & { token: string }): void;
  workerExited(worker: Incarnation & { detail: string }): void;
  emit(event: RunEvent): void;
}

export interface CrewPorts extends Pick<MembersPorts, "link" | "clock" | "logTail"> {
  /** Empty. */
  file: SharedFile;
  emit(event: RunEvent): void;
  /** Starts a worker of each rank; of each, `incarnation` is the first. */
  startWorkers(workers: readonly Incarnation[], block: number, task: Task, hooks: Hooks): LocalWorkers;
}

export class Crew {
  readonly #membership: Membership;
  readonly #local: LocalWorkers;
  #memory: NodeMemory | null = null;

  /** Starts the workers. CnnDistError when there is not enough shared memory for them. */
  constructor(task: Task, placement: MembersOptions["placement"], ports: CrewPorts) {
    const { run, recipe, pixelStatistics, node } = task;
    if (!node || recipe.datasetSha256 === null)
      throw new CnnDistError(
        "protocol",
        "the coordinator takes this node for a single worker. Install the same cnn-dist on both.",
      );
    const { workers, block, parameters } = node;
    const begin = (layout: Layout) => {
      this.#memory = new NodeMemory(ports.file, layout, recipe, block);
    };
    const layout = parameters && layoutOfSpec(parameters);
    if (layout) begin(layout);
    const none = new Float32Array(0);
    const local: { workers: LocalWorkers | null } = { workers: null };
    this.#membership = new Membership(
      {
        run,
        start: {
          recipe,
          pixelStatistics,
          step: 0,
          values: layout ? { layout, weights: none, state: none } : "from the first worker",
        },
        workers: 1,
        gatherMs: null,
        expect: { datasetSha256: recipe.datasetSha256, topologySha256: null },
        exchange: "shared-memory",
        block,
        nodes: null,
        placement: { ...placement, minWorkers: null }, // how many are enough is the coordinator's business
      },
      {
        link: ports.link,
        clock: ports.clock,
        emit: (event) => ports.emit(event),
        layoutKnown: begin,
        endWorker: async (rank, incarnation) => local.workers?.end(rank, incarnation),
        workersPossible: () => local.workers?.possible() ?? workers.length,
        logTail: (rank) => ports.logTail(rank),
      },
    );
    this.#membership.watch();
    this.#local = ports.startWorkers(workers, block, task, {
      expectWorker: (worker) => this.#membership.expectWorker(worker),
      workerExited: (worker) => this.#membership.workerExited(worker),
      emit: (event) => ports.emit(event),
    });
    local.workers = this.#local;
  }

  get workers(): Pick<Workers, "collect"> {
    return this.#membership;
  }

  /** There once a worker has joined. */
  get memory(): NodeMemory {
    return this.#memory!;
  }

  isCompiling(): boolean {
    return this.#membership.isCompiling();
  }

  /** Resolves with what the first worker that is ready has brought; rejects when none can be. */
  firstReady(): Promise<Gathered> {
    return this.#membership.gather();
  }

  async close(reason: string): Promise<void> {
    this.#membership.dismiss(reason, "stopped");
    await this.#local.close();
  }
}
