/** What the run records of each commit, beside the steps that follow: in order, and while the recorded version is whole. */
import type { Snapshot } from "../../checkpoint/snapshot.js";

export interface RecordPorts {
  /** After each commit, one at a time: the run's own records. Resolves when it no longer reads the snapshot's vectors. */
  committed(snapshot: Snapshot): void | Promise<void>;
}

export class Records {
  readonly #ports: RecordPorts;
  /** Versions that are being recorded, or wait for it, oldest first. */
  readonly #pending: { version: number; promise: Promise<void> }[] = [];

  constructor(ports: RecordPorts) {
    this.#ports = ports;
  }

  begin(snapshot: Snapshot): void {
    const before = this.#pending.at(-1)?.promise;
    const promise = before ? before.then(() => this.#ports.committed(snapshot)) : this.#record(snapshot);
    promise.catch(() => {}); // seen when it is awaited
    this.#pending.push({ version: snapshot.step, promise });
  }

  async #record(snapshot: Snapshot): Promise<void> {
    await this.#ports.committed(snapshot);
  }

  /** What still reads the half that this version will be written to ends first; rejects if it failed. */
  async freeHalf(version: number): Promise<void> {
    while (this.#pending[0] && this.#pending[0].version <= version - 2) await this.#pending.shift()!.promise;
  }

  /** Rejects if a record failed. */
  async settle(): Promise<void> {
    await this.freeHalf(Number.POSITIVE_INFINITY);
  }
}
