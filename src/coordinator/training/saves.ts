/** Checkpoints that are written while the training goes on in the other half of the double buffer. */
import type { Snapshot } from "../../checkpoint/snapshot.js";
import type { CheckpointEvent } from "../../events.js";

export interface SavePorts {
  clock: { now(): number };
  emit(event: CheckpointEvent): void;
  /** Writes a checkpoint; resolves once it is durable. */
  save(snapshot: Snapshot): Promise<{ path: string; sizeBytes: number }>;
  /** The newest checkpoint of the run that is whole; null before the first. */
  newest(): Promise<Snapshot | null>;
}

type Moment = Pick<Snapshot, "step" | "evaluated">;

export class Saves {
  readonly #ports: SavePorts;
  #last: Moment;
  #writing: { version: number; promise: Promise<void> } | null = null;
  /** Path of the last checkpoint that was written. */
  #path: string | null = null;
  #waitedMs = 0;

  /** `start`: where the training begins, which needs no save. */
  constructor(start: Moment, ports: SavePorts) {
    this.#last = start;
    this.#ports = ports;
  }

  get path(): string | null {
    return this.#path;
  }

  /** Milliseconds that the training has waited for saves since this was last asked. */
  waitedMs(): number {
    const waited = this.#waitedMs;
    this.#waitedMs = 0;
    return waited;
  }

  /** Nothing if this very moment was saved already; else waits for the save before it and lets the new one go on by itself. */
  async begin(snapshot: Snapshot): Promise<void> {
    const { step, evaluated } = snapshot;
    if (this.#last.step === step && this.#last.evaluated === evaluated) return;
    await this.settle();
    this.#last = { step, evaluated };
    const promise = this.#write(snapshot);
    promise.catch(() => {}); // seen when it is awaited
    this.#writing = { version: step, promise };
  }

  async #write(snapshot: Snapshot): Promise<void> {
    const { clock } = this.#ports;
    const startMs = clock.now();
    const { path, sizeBytes } = await this.#ports.save(snapshot);
    this.#path = path;
    this.#ports.emit({
      event: "checkpoint",
      step: snapshot.step,
      path,
      size_bytes: sizeBytes,
      duration_seconds: (clock.now() - startMs) / 1000,
    });
  }

  /** The training goes on from there: later moments will come again. */
  rolledBack({ step, evaluated }: Moment): void {
    this.#last = { step, evaluated };
  }

  /** Rejects if the save that was under way failed. */
  async settle(): Promise<void> {
    const writing = this.#writing;
    if (!writing) return;
    const startMs = this.#ports.clock.now();
    this.#writing = null;
    await writing.promise;
    this.#waitedMs += this.#ports.clock.now() - startMs;
  }

  /** A save that still reads the half that this version will be written to must end first. */
  async freeHalf(version: number): Promise<void> {
    if (this.#writing && (this.#writing.version & 1) === (version & 1)) await this.settle();
  }
}
