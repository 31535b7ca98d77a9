/** Worker processes: started, watched, ended for certain, and started again. How a process is started is the caller's. */
import type { Clock } from "../clock.js";
import { backoffMs, STEADY_MS } from "../config/time-limits.js";
import type { Incarnation } from "../membership/incarnation.js";

export interface WorkerProcess {
  readonly exited: Promise<WorkerExit>;
  /** Asks it to say goodbye and end. */
  leave(): void;
  /** SIGKILL, which also ends a stopped process. */
  kill(): void;
}

export interface WorkerExit {
  /** Null when a signal ended it, or when it never started. */
  code: number | null;
  detail: string;
}

export interface SupervisorOptions {
  /** Of each, the first incarnation. */
  workers: readonly Incarnation[];
  launch(worker: { rank: number; incarnation: number }): WorkerProcess;
  /** Whether a worker that ended so, and was started again so many times, is started again. */
  restarts(exit: WorkerExit, restarts: number): boolean;
  onExit(worker: { rank: number; incarnation: number; exit: WorkerExit; restarting: boolean }): void;
  clock: Clock;
}

/** That many, of a run on one machine. */
export function firstWorkers(count: number): Incarnation[] {
  return Array.from({ length: count }, (_, rank) => ({ rank, incarnation: 0 }));
}

interface Slot {
  rank: number;
  incarnation: number;
  process: WorkerProcess | null;
  /** Of the newest process. */
  ended: Promise<void>;
  restarts: number;
  /** Since when it lives, and how many before it ended soon, one after the other. */
  startedMs: number;
  shortLives: number;
  /** Null unless it will be started again. */
  cancel: (() => void) | null;
}

export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #slots: Slot[];
  #closing = false;

  constructor(options: SupervisorOptions) {
    this.#options = options;
    this.#slots = options.workers.map(({ rank, incarnation }) => ({
      rank,
      incarnation: incarnation - 1,
      process: null,
      ended: Promise.resolve(),
      restarts: 0,
      startedMs: 0,
      shortLives: 0,
      cancel: null,
    }));
  }

  start(): void {
    for (const slot of this.#slots) this.#launch(slot);
  }

  /** Workers that live or will be started again. */
  possible(): number {
    return this.#slots.filter(({ process, cancel }) => process !== null || cancel !== null).length;
  }

  /** Resolves when the process is gone for certain; at once for an incarnation that is gone already. */
  async end(rank: number, incarnation: number): Promise<void> {
    const slot = this.#slots.find((each) => each.rank === rank);
    if (!slot || slot.incarnation !== incarnation) return;
    slot.process?.kill();
    await slot.ended;
  }

  /** Asks all of them to leave, where no coordinator does. */
  leave(): void {
    for (const { process } of this.#slots) process?.leave();
  }

  /** Waits for workers that were told to stop, then ends those that are still there. None is started again. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    for (const slot of this.#slots) {
      slot.cancel?.();
      slot.cancel = null;
    }
    const stopWaiting = this.#options.clock.after(graceMs, () => {
      for (const { process } of this.#slots) process?.kill();
    });
    await Promise.all(this.#slots.map(({ ended }) => ended));
    stopWaiting();
  }

  #launch(slot: Slot): void {
    slot.incarnation++;
    slot.cancel = null;
    slot.startedMs = this.#options.clock.now();
    const { rank, incarnation } = slot;
    const process = this.#options.launch({ rank, incarnation });
    slot.process = process;
    slot.ended = process.exited.then((exit) => {
      slot.process = null;
      this.#afterExit(slot, exit);
    });
  }

  #afterExit(slot: Slot, exit: WorkerExit): void {
    const { rank, incarnation } = slot;
    const { restarts, clock, onExit } = this.#options;
    slot.shortLives = clock.now() - slot.startedMs < STEADY_MS ? slot.shortLives + 1 : 0;
    const restarting = !this.#closing && restarts(exit, slot.restarts);
    if (restarting) {
      slot.restarts++;
      slot.cancel = clock.after(backoffMs(slot.shortLives), () => this.#launch(slot));
    }
    onExit({ rank, incarnation, exit, restarting });
  }
}
