/** A step in flight: who was given which shards, who still owes them, and which results are accepted. */
import type { Compressor } from "../exchange/compression/compressor.js";
import { byBlock } from "../parameters/blocks.js";
import { divide } from "../parameters/divide.js";
import type { Range } from "../parameters/tree.js";
import { asFloat32, type RejectReason } from "../protocol/codec.js";
import type { Timing, ToCoordinator } from "../protocol/messages.js";
import { Arrivals, type RangeEnd } from "./arrivals.js";
import { type Backup, isLate, mayRace } from "./backups.js";
import { Heard, isOfStep } from "./heard.js";
import { deferred, type InFlight } from "./in-flight.js";
import { OwedShards } from "./owed-shards.js";
import type { Pace } from "./pace.js";
import type { ResidualHomes } from "./residuals.js";
import type { Member } from "./roster.js";
import { roundsOf, seatsOf } from "./seats.js";
import { StepShape } from "./step-shape.js";
import type { WorkerClocks } from "./step-times.js";
import { nameOf, partOf } from "./told.js";
import { WorkTimes } from "./work-times.js";
import type { Packed, RankTimes, StepWork } from "./workers.js";

interface Hooks {
  /** Milliseconds. */
  now(): number;
  /** Returns whether the weights had to travel before the work. */
  send(member: Member, shards: readonly number[]): boolean;
  /** Of a shard, over all steps. */
  pace: Pace;
  clocks: Pick<WorkerClocks, "offsetMs">;
  /** How gradients that come as frames are compressed, shard by shard, and where the residuals are; null: they are not. */
  compression: { compressor: Compressor; homes: ResidualHomes } | null;
}

type Message<Type> = Extract<ToCoordinator, { type: Type }>;

export class ShardsInFlight implements InFlight {
  readonly owesSince = new Map<Member, number>();
  /** Bytes of gradients that came through shared memory. */
  sharedBytes = 0;
  readonly #work: StepWork<unknown>;
  readonly #hooks: Hooks;
  readonly #done = deferred<void>();
  readonly #times: WorkTimes;
  readonly #shape: StepShape;
  readonly #owed: OwedShards;
  /** Shards that a member was given in this step: nothing else is taken from it. */
  readonly #given = new Map<Member, Set<number>>();
  /** Members whose weights travel, which may take any time: until something of theirs has come. */
  readonly #supplied = new Set<Member>();
  /** Members of whose shards another one was first with some. */
  readonly #outrun = new Set<Member>();
  readonly #heard: Heard;
  readonly #arrivals: Arrivals;

  constructor(work: StepWork<unknown>, hooks: Hooks) {
    this.#work = work;
    this.#hooks = hooks;
    this.#times = new WorkTimes(hooks.clocks, hooks.now());
    this.#shape = new StepShape(work.plan);
    this.#heard = new Heard(work.plan.shards);
    this.#arrivals = new Arrivals(this.#shape, work.weights.layout.buckets.length);
    this.#owed = new OwedShards(this.#shape.all());
  }

  /** What each rank did when. */
  get ranks(): ReadonlyMap<number, RankTimes> {
    return this.#times.ranks;
  }

  /** Members that still compute what another one was first with. */
  get behind(): Member[] {
    return [...this.#outrun].filter((member) => !this.owesSince.has(member));
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  assign(members: readonly Member[]): void {
    this.#divide(this.#assignToHomes(this.#owed.unowned(), members), members);
  }

  #divide(shards: readonly number[], members: readonly Member[]): void {
    const free = byBlock(shards, this.#work.plan.block);
    if (free.length === 0 || members.length === 0) return;
    const helpers = seatsOf(members, (member) => this.#owedBy(member)).slice(0, free.length);
    const given = new Map<Member, number[]>();
    divide(free, helpers.length).forEach((blocks, index) => {
      const member = helpers[index]!;
      given.set(member, [...(given.get(member) ?? []), ...blocks.flat()]);
    });
    for (const [member, block] of given) this.#give(block, member);
  }

  #owedBy(member: Member): number {
    return this.#owed.of(member).length;
  }

  /** Gives shards of members that take far longer than usual to idle ones as well. */
  backUp(members: readonly Member[]): Backup[] {
    const now = this.#hooks.now();
    const idle = members.filter((member) => mayRace(member) && !this.owesSince.has(member));
    if (idle.length === 0) return [];
    const late = members.flatMap((member) => {
      const shards = mayRace(member) ? this.#owed.aloneOf(member) : [];
      const waitedMs = this.#times.sinceBegan(member, now);
      return shards.length > 0 && isLate(waitedMs, this.usualMs(member)) ? [{ member, shards, waitedMs }] : [];
    });
    for (const { shards } of late) this.#divide(shards, idle);
    return late;
  }

  /** Shards whose residuals only one worker has go to it; returns the others. */
  #assignToHomes(shards: readonly number[], members: readonly Member[]): readonly number[] {
    const { compression } = this.#hooks;
    if (!compression) return shards;
    const { homes } = compression;
    const bound = shards.filter((shard) => !homes.isMovable(shard, this.#work.plan.version));
    for (const member of members) {
      const block = bound.filter((shard) => homes.homeOf(shard) === member);
      if (block.length > 0) this.#give(block, member);
    }
    return shards.filter((shard) => !bound.includes(shard));
  }

  #give(block: readonly number[], member: Member): void {
    const given = this.#given.get(member) ?? new Set();
    this.#given.set(member, given);
    for (const shard of block) {
      this.#owed.give(shard, member);
      given.add(shard);
    }
    const now = this.#hooks.now();
    this.#times.given(member, now, { idle: !this.owesSince.has(member) });
    this.owesSince.set(member, now);
    if (this.#hooks.send(member, block)) this.#supplied.add(member);
  }

  usualMs(member: Member): number | null {
    if (this.#supplied.has(member)) return null;
    return this.#hooks.pace.usualMs(member, roundsOf(member, this.#owedBy(member)));
  }

  /** With residuals, also what it had finished is computed again: what that left for the next step is gone. */
  lost(member: Member): number {
    const again = this.#hooks.compression ? [...(this.#given.get(member) ?? [])] : [];
    this.owesSince.delete(member);
    this.#arrivals.lost(member);
    return this.#owed.lost(member, again).length;
  }

  forgive(ms: number): void {
    for (const [member, since] of this.owesSince) this.owesSince.set(member, since + ms);
  }

  abandon(error: unknown): void {
    this.#done.reject(error);
  }

  receive(member: Member, message: ToCoordinator, payload: Uint8Array | null): RejectReason | null {
    if (!isOfStep(message)) return "stale";
    const { step, version } = this.#work.plan;
    if (message.step !== step || message.version !== version) return "stale";
    if (!this.#heard.isNew(member, message)) return "duplicate";
    if (message.type === "times") return this.#takeTimes(member, message);
    const range: Range =
      message.type === "loss"
        ? { start: message.shard, end: message.shard + 1 }
        : { start: message.start, end: message.end };
    if (!this.#shape.isNode(range) || (this.#hooks.compression && range.end - range.start > 1)) return "schema";
    if (!this.#mayGive(member, range)) return "sender";
    if (this.#isOutrun(member, range)) return "duplicate";
    const reason = this.#take(member, range, message, payload);
    if (reason !== null) return reason;
    for (const end of this.#arrivals.takeWhole()) if (!this.#isOutrun(end.member, end.range)) this.#finish(end);
    this.#progressed(member, message);
    return null;
  }

  /** Others were first with all of this range. */
  #isOutrun(member: Member, range: Range): boolean {
    return this.#outrun.has(member) && !this.#shape.present(range).some((shard) => this.#owed.has(shard));
  }

  #progressed(member: Member, message: Message<"loss" | "bucket" | "finished">): void {
    this.#heard.add(member, message);
    this.#supplied.delete(member);
    if (this.owesSince.has(member)) this.owesSince.set(member, this.#hooks.now());
  }

  #take(
    member: Member,
    range: Range,
    message: Message<"loss" | "bucket" | "finished">,
    payload: Uint8Array | null,
  ): RejectReason | null {
    if (message.type === "loss") return this.#takeLoss(member, message);
    if (message.type === "bucket") return this.#takeBucket(member, range, message.bucket, payload);
    return this.#takeEnd(member, range, message.timing, payload);
  }

  #takeLoss(member: Member, { shard, loss, hits }: Message<"loss">): null {
    this.#deliver(() => this.#work.addLoss(shard, { loss, hits }, nameOf(member)));
    this.#arrivals.loss(shard);
    return null;
  }

  #takeBucket(member: Member, range: Range, bucket: number, payload: Uint8Array | null): RejectReason | null {
    const size = this.#work.weights.layout.buckets[bucket]?.size;
    if (size === undefined) return "schema";
    const values = this.#valuesOf(member, range, payload, size);
    if (values === undefined) return "payload";
    if (!values) this.sharedBytes += size * 4;
    this.#arrivals.bucket(member, range, bucket);
    this.#deliver(() => this.#work.addGradient(bucket, partOf(member, range, values)));
    return null;
  }

  /** A gradient's values; null where it lies in shared memory, block by block; undefined where it is not as it should be. */
  #valuesOf(
    { exchange }: Member,
    range: Range,
    payload: Uint8Array | null,
    size: number,
  ): Float32Array | Packed | null | undefined {
    if (exchange === "shared-memory") return payload || !this.#shape.isBlock(range) ? undefined : null;
    const { compression } = this.#hooks;
    if (!compression) return asFloat32(payload, size) ?? undefined;
    const { compressor } = compression;
    if (!payload || !compressor.accepts(payload, size)) return undefined;
    return { unpack: (place) => compressor.decompress(payload, place) };
  }

  #takeTimes(member: Member, message: Message<"times">): RejectReason | null {
    const { worker, shards, timing } = message;
    if (!member.node?.workers.some(({ rank }) => rank === worker) || !this.#given.has(member)) return "sender";
    this.#heard.add(member, message);
    const atMost = Math.min(shards, this.#work.plan.shards);
    this.#times.told(member, worker, timing, { shards: atMost, receivedMs: this.#hooks.now() });
    return null;
  }

  #takeEnd(member: Member, range: Range, timing: Timing | null, payload: Uint8Array | null): RejectReason | null {
    if ((timing === null) !== (member.node !== null)) return "schema";
    const { stateSize } = this.#work.weights.layout;
    const state = stateSize > 0 ? asFloat32(payload, stateSize) : null;
    if (stateSize > 0 ? !state : payload) return "payload";
    this.#arrivals.end({ member, range, timing, state });
    return null;
  }

  /** All of a range is there. */
  #finish({ member, range, timing, state }: RangeEnd): void {
    if (state) this.#deliver(() => this.#work.addState(partOf(member, range, state)));
    const shards = this.#shape.present(range).length;
    if (timing) this.#times.told(member, member.rank, timing, { shards, receivedMs: this.#hooks.now() });
    for (const other of this.#owed.done(range, member)) this.#outrunIn(other);
    const isLast = this.#owedBy(member) === 0;
    // A node tells of the ends of all its ranges at once.
    if (!member.node) this.#keepPace(member, shards);
    else if (isLast) this.#keepPace(member, roundsOf(member, this.#given.get(member)!.size));
    if (isLast) this.owesSince.delete(member);
    if (this.#owed.size === 0) this.#done.resolve();
  }

  /** Another member was first with shards of this one. */
  #outrunIn(member: Member): void {
    this.#outrun.add(member);
    if (this.#owedBy(member) === 0) this.owesSince.delete(member);
  }

  /** From when the member began with this range: with its work, or when its last one was finished. */
  #keepPace(member: Member, shards: number): void {
    this.#hooks.pace.took(member, this.#times.ended(member, this.#hooks.now()) / shards);
  }

  /** What the training throws ends the step. */
  #deliver(hand: () => void): void {
    try {
      hand();
    } catch (error) {
      this.abandon(error);
    }
  }

  /** Whether each shard of the range that has samples was given to this member. */
  #mayGive(member: Member, range: Range): boolean {
    const given = this.#given.get(member);
    const shards = this.#shape.present(range);
    return given !== undefined && shards.length > 0 && shards.every((shard) => given.has(shard));
  }
}
