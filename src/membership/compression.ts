/** What membership does where gradients travel compressed as frames: residuals stay with workers, move and get lost. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import { globalBatch } from "../data/order.js";
import type { Compressor } from "../exchange/compression/compressor.js";
import { compressorOf } from "../exchange/compression.js";
import type { Exchange, ToWorker } from "../protocol/messages.js";
import { ResidualHomes } from "./residuals.js";
import type { Member } from "./roster.js";
import { ResidualsLost, type StepWork } from "./workers.js";

export class Compression {
  readonly compressor: Compressor;
  readonly homes: ResidualHomes;
  /** The version of the weights in force. */
  #version: number;
  #lost: ResidualsLost | null = null;

  constructor(compressor: Compressor, shards: number, version: number) {
    this.compressor = compressor;
    this.homes = new ResidualHomes(shards, version);
    this.#version = version;
  }

  /** Null where residuals lie in shared memory, or there are none. */
  static of({ recipe, step }: Pick<Snapshot, "recipe" | "step">, exchange: Exchange): Compression | null {
    const compressor = exchange === "frames" ? compressorOf(recipe.compress) : null;
    return compressor && new Compression(compressor, globalBatch(recipe).shards, step);
  }

  /** Work begins at a version; throws if residuals that it needs are gone. */
  begin(version: number): void {
    this.#version = version;
    if (this.#lost) throw this.#lost;
  }

  committed(): void {
    this.#version++;
  }

  /** A worker is gone: why the run must go back to where residuals were kept, or null. */
  lost(member: Member): ResidualsLost | null {
    if (!this.homes.lost(member, this.#version)) return null;
    this.#lost ??= new ResidualsLost(
      `rank ${member.rank} was lost, and with it what its shards had kept back of their gradients since step ${this.homes.kept}`,
    );
    return this.#lost;
  }

  rolledBack(version: number): void {
    this.#lost = null;
    this.#version = version;
    this.homes.rolledBack(version);
  }

  /** Sends a member what the shards that it is about to compute had kept back, unless it has it. */
  bring(
    member: Member,
    shards: readonly number[],
    work: Pick<StepWork<unknown>, "plan" | "weights" | "residual">,
    send: (message: ToWorker, payload?: Float32Array) => void,
  ): void {
    const { version } = work.plan;
    const { kept } = this.homes;
    for (const shard of shards.filter((each) => this.homes.move(each, member)))
      for (const { index, offset, size } of work.weights.layout.buckets) {
        const message = { type: "residual", shard, version, bucket: index } as const;
        if (kept === 0) send(message);
        else send(message, work.residual(shard, kept).subarray(offset, offset + size));
      }
  }
}
