/** Residuals on their way from the workers that have them to the coordinator, before a checkpoint. */
import { asFloat32, type RejectReason } from "../protocol/codec.js";
import type { ToCoordinator } from "../protocol/messages.js";
import { deferred, type InFlight } from "./in-flight.js";
import type { ResidualHomes } from "./residuals.js";
import type { Member } from "./roster.js";
import type { ResidualWork } from "./workers.js";

interface Hooks {
  /** Milliseconds. */
  now(): number;
  /** Asks a member for the residuals of these shards. */
  ask(member: Member, shards: readonly number[]): void;
}

export class ResidualsInFlight implements InFlight {
  readonly owesSince = new Map<Member, number>();
  readonly #work: ResidualWork;
  readonly #homes: ResidualHomes;
  readonly #hooks: Hooks;
  readonly #done = deferred<void>();
  /** Buckets that each shard's home has not sent yet. */
  readonly #owed = new Map<number, Set<number>>();

  constructor(work: ResidualWork, homes: ResidualHomes, hooks: Hooks) {
    this.#work = work;
    this.#homes = homes;
    this.#hooks = hooks;
    const asked = new Map<Member, number[]>();
    for (let shard = 0; shard < work.shards; shard++) {
      const home = homes.homeOf(shard);
      if (home) {
        asked.set(home, [...(asked.get(home) ?? []), shard]);
        this.#owed.set(shard, new Set(work.layout.buckets.map(({ index }) => index)));
      } else work.residual(shard, work.version).set(work.residual(shard, homes.kept));
    }
    for (const [member, shards] of asked) {
      this.owesSince.set(member, hooks.now());
      hooks.ask(member, shards);
    }
    if (this.#owed.size === 0) this.#done.resolve();
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  /** It depends on the network alone. */
  usualMs(): null {
    return null;
  }

  /** Nobody else has what is asked for. */
  assign(): void {}

  lost(member: Member): number {
    this.owesSince.delete(member);
    return [...this.#owed.keys()].filter((shard) => this.#homes.homeOf(shard) === member).length;
  }

  forgive(ms: number): void {
    for (const [member, since] of this.owesSince) this.owesSince.set(member, since + ms);
  }

  abandon(error: unknown): void {
    this.#done.reject(error);
  }

  receive(member: Member, message: ToCoordinator, payload: Uint8Array | null): RejectReason | null {
    if (message.type !== "residual" || message.version !== this.#work.version) return "stale";
    const { shard } = message;
    const bucket = this.#work.layout.buckets[message.bucket];
    if (!bucket || shard >= this.#work.shards) return "schema";
    if (this.#homes.homeOf(shard) !== member) return "sender";
    const values = asFloat32(payload, bucket.size);
    if (!values) return "payload";
    const owed = this.#owed.get(shard);
    if (!owed?.delete(bucket.index)) return "stale";
    this.#work.residual(shard, this.#work.version).set(values, bucket.offset);
    if (owed.size === 0) this.#owed.delete(shard);
    const owes = [...this.#owed.keys()].some((other) => this.#homes.homeOf(other) === member);
    if (owes) this.owesSince.set(member, this.#hooks.now());
    else this.owesSince.delete(member);
    if (this.#owed.size === 0) this.#done.resolve();
    return null;
  }
}
