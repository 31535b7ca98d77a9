/**
 * Checkpoints that are written while the training goes on. One that cannot be written costs a warning, and ends the run only
 * where it is its last and stays unwritten for a while, or where too many failed in a row.
 */
import type { Snapshot } from "../../checkpoint/snapshot.js";
import type { Clock } from "../../clock.js";
import { LAST_CHECKPOINT } from "../../config/time-limits.js";
import { CnnDistError, messageOf } from "../../errors.js";
import type { CheckpointEvent, CheckpointFailedEvent, WaitingEvent } from "../../events.js";
import { plural } from "../../format.js";

export interface SavePorts {
  clock: Clock;
  /** Aborted once a stop is asked for. */
  stopping: AbortSignal;
  emit(event: CheckpointEvent | CheckpointFailedEvent | WaitingEvent): void;
  /**
   * Writes a checkpoint; resolves once it is durable. `read` is called as soon as the snapshot's arrays may change. Rejects
   * with `disk-full` or `checkpoint` where that one could not be written, and a later one might be.
   */
  save(snapshot: Snapshot, read: () => void): Promise<{ path: string; sizeBytes: number }>;
  /** The newest checkpoint of the run that is whole; null before the first. */
  newest(): Promise<Snapshot | null>;
}

type Moment = Pick<Snapshot, "step" | "evaluated">;

interface Writing {
  version: number;
  /** Resolves once the snapshot's arrays may change. */
  read: Promise<void>;
  done: Promise<void>;
  over: boolean;
}

export class Saves {
  readonly #ports: SavePorts;
  readonly #failuresAllowed: number;
  /** The last moment that is on disk, or where the training begins, which needs no save. */
  #saved: Moment;
  #writing: Writing | null = null;
  /** When the last save was begun. */
  #begunMs: number;
  /** In a row. */
  #failures = 0;
  /** Path of the last checkpoint that was written. */
  #path: string | null = null;
  #waitedMs = 0;

  /** `failuresAllowed`: that many in a row end the run. */
  constructor(start: Moment, failuresAllowed: number, ports: SavePorts) {
    this.#saved = start;
    this.#failuresAllowed = failuresAllowed;
    this.#ports = ports;
    this.#begunMs = ports.clock.now();
  }

  get path(): string | null {
    return this.#path;
  }

  /** Whether a save is under way. */
  get busy(): boolean {
    return this.#writing?.over === false;
  }

  /** Since the last save was begun, or the training. */
  secondsSince(): number {
    return (this.#ports.clock.now() - this.#begunMs) / 1000;
  }

  /** Milliseconds that the training has waited for saves since this was last asked. */
  waitedMs(): number {
    const waited = this.#waitedMs;
    this.#waitedMs = 0;
    return waited;
  }

  /**
   * Waits for the save before it, and lets the new one go on by itself; nothing if this very moment was saved already.
   * `last`: the run ends with it, so that it is not given up at its first failure.
   */
  async begin(snapshot: Snapshot, { last }: { last: boolean }): Promise<void> {
    await this.settle();
    const { step, evaluated } = snapshot;
    if (this.#saved.step === step && this.#saved.evaluated === evaluated) return;
    let isRead = () => {};
    const read = new Promise<void>((resolve) => {
      isRead = resolve;
    });
    this.#begunMs = this.#ports.clock.now();
    const done = this.#write(snapshot, last, isRead).finally(() => {
      writing.over = true;
      isRead();
    });
    const writing: Writing = { version: step, read, done, over: false };
    done.catch(() => {}); // seen when it is awaited
    this.#writing = writing;
  }

  async #write(snapshot: Snapshot, last: boolean, isRead: () => void): Promise<void> {
    let error = await this.#attempt(snapshot, isRead);
    if (!error) return;
    this.#failures++;
    if (last) error = await this.#insist(snapshot, error);
    if (error) this.#failed(snapshot.step, error, last);
  }

  /** Resolves with why it could not be written, or null. */
  async #attempt(snapshot: Snapshot, isRead: () => void): Promise<CnnDistError | null> {
    const { clock } = this.#ports;
    const { step, evaluated } = snapshot;
    const startMs = clock.now();
    try {
      const { path, sizeBytes } = await this.#ports.save(snapshot, isRead);
      this.#failures = 0;
      this.#saved = { step, evaluated };
      this.#path = path;
      const duration_seconds = (clock.now() - startMs) / 1000;
      this.#ports.emit({ event: "checkpoint", step, path, size_bytes: sizeBytes, duration_seconds });
      return null;
    } catch (error) {
      if (!(error instanceof CnnDistError && (error.code === "disk-full" || error.code === "checkpoint"))) throw error;
      return error;
    }
  }

  /** All of the training hangs on this one: there is time to make room for it, unless a stop is asked for meanwhile. */
  async #insist(snapshot: Snapshot, first: CnnDistError): Promise<CnnDistError | null> {
    const { clock, stopping } = this.#ports;
    const { everyMs, patienceMs } = LAST_CHECKPOINT;
    const untilMs = clock.now() + patienceMs;
    const wasStopping = stopping.aborted;
    const wait = `It is the run's last: it is tried again every ${everyMs / 1000} seconds for ${patienceMs / 1000} seconds. Ctrl-C or SIGTERM ends the wait.`;
    this.#tell(snapshot.step, first, `${messageOf(first)}${this.#inARow()} ${wait}`);
    let error: CnnDistError | null = first;
    while (error && clock.now() < untilMs) {
      await pause(everyMs, clock, stopping);
      if (stopping.aborted && !wasStopping) break;
      error = await this.#attempt(snapshot, () => {});
    }
    return error;
  }

  /** Tells of it; throws where the run cannot go on. */
  #failed(step: number, error: CnnDistError, last: boolean): void {
    const allowed = this.#failuresAllowed;
    const left = allowed - this.#failures;
    const goesOn = last
      ? ` The run ends here: nothing after step ${this.#saved.step} is saved.`
      : left > 0
        ? ` The training goes on and tries again at the next checkpoint; ${plural(left, "more failure")} in a row ${left === 1 ? "ends" : "end"} it (--checkpoint-failures ${allowed}).`
        : ` As many as --checkpoint-failures ${allowed} allows: the run ends, and nothing after step ${this.#saved.step} is saved.`;
    const message = `${messageOf(error)}${this.#inARow()}${goesOn}`;
    if (last || left <= 0) throw new CnnDistError(error.code, message, { cause: error });
    this.#tell(step, error, message);
  }

  #inARow(): string {
    return this.#failures === 1 ? "" : ` It is failure ${this.#failures} in a row.`;
  }

  #tell(step: number, { code }: CnnDistError, message: string): void {
    const [failures, allowed] = [this.#failures, this.#failuresAllowed];
    this.#ports.emit({ event: "checkpoint-failed", step, message, code, failures, allowed });
  }

  /** The training goes on from there: later moments will come again. */
  rolledBack({ step, evaluated }: Moment): void {
    this.#saved = { step, evaluated };
  }

  /** Rejects if the save that was under way ended the run. */
  async settle(): Promise<void> {
    const writing = this.#writing;
    if (!writing) return;
    this.#writing = null;
    await this.#waitFor(writing.done);
  }

  /** A save that still reads the half that this version will be written to must have read it first. */
  async freeHalf(version: number): Promise<void> {
    const writing = this.#writing;
    if (writing?.over) return await this.settle(); // it may have ended the run
    if (writing && (writing.version & 1) === (version & 1)) await this.#waitFor(writing.read);
  }

  async #waitFor(promise: Promise<void>): Promise<void> {
    const startMs = this.#ports.clock.now();
    this.#ports.emit({ event: "waiting", for: "checkpoint" });
    await promise;
    this.#waitedMs += this.#ports.clock.now() - startMs;
  }
}

/** Shorter where the signal comes meanwhile. */
async function pause(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const over = () => {
      cancel();
      signal.removeEventListener("abort", over);
      resolve();
    };
    const cancel = clock.after(ms, over);
    signal.addEventListener("abort", over);
  });
}
