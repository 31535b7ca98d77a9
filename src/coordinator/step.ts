/** One step in flight: shards out, gradients in, added along the tree. Knows nothing of optimizers or sockets. */
import { CnnDistError } from "../errors.js";
import type { Layout } from "../parameters/layout.js";
import { addInPlace, childrenOf, coverOf, type Range, rangeKey, TreeSum } from "../parameters/tree.js";
import { asFloat32, type RejectReason } from "../protocol/codec.js";
import type { ToCoordinator } from "../protocol/messages.js";
import { divide } from "./assign.js";
import type { Member } from "./roster.js";
import { type Deferred, deferred, type Work } from "./work.js";

export interface StepPlan {
  /** Number of the step, 1 for the first; `version` (one less) is that of the weights it starts from. */
  step: number;
  version: number;
  epoch: number;
  stepInEpoch: number;
  batch: number;
  shards: number;
  /** Shards without a sample, in a short batch. */
  empty: readonly number[];
}

export interface StepResult {
  loss: number;
  hits: number;
  computeSeconds: ReadonlyMap<number, number>;
  reduceSeconds: number;
}

export interface StepHooks {
  now(): number;
  send(member: Member, shards: readonly number[]): void;
  /** Called once a bucket, as soon as its sum is whole; throws to end the run. `parts` are what it was added from. */
  reduced(bucket: number, gradient: Float32Array, parts: readonly Part[]): void;
  /** The same for the state, if the network has any. */
  reducedState(state: Float32Array): void;
}

/** One worker's sum over a range of shards. Unless it is `intact`, others were added onto it in place. */
export interface Part {
  readonly rank: number;
  readonly range: Range;
  readonly gradient: Float32Array;
  readonly intact: boolean;
}

export class StepInFlight implements Work<StepResult> {
  readonly #plan: StepPlan;
  readonly #layout: Layout;
  readonly #hooks: StepHooks;
  readonly #done: Deferred<StepResult> = deferred();
  /** Shards that must be computed, with the member that owes them; null while nobody does. */
  readonly #owed = new Map<number, Member | null>();
  /** Shards that a member was given in this step: nothing else is taken from it. */
  readonly #given = new Map<Member, Set<number>>();
  /** Buckets that came from a member, a range: it has not finished before all are there. */
  readonly #came = new Map<Member, Map<string, Set<number>>>();
  readonly #parts: Part[][];
  readonly #losses = new Map<number, { loss: number; hits: number }>();
  readonly #sums: (TreeSum<Float32Array> | null)[];
  #stateSum: TreeSum<Float32Array> | null;
  readonly #computeSeconds = new Map<number, number>();
  #reduceMs = 0;

  constructor(plan: StepPlan, layout: Layout, hooks: StepHooks) {
    this.#plan = plan;
    this.#layout = layout;
    this.#hooks = hooks;
    for (let shard = 0; shard < plan.shards; shard++) if (!plan.empty.includes(shard)) this.#owed.set(shard, null);
    const sum = () => new TreeSum<Float32Array>(plan.shards, addInPlace, plan.empty);
    this.#sums = layout.buckets.map(sum);
    this.#parts = layout.buckets.map(() => []);
    this.#stateSum = layout.stateSize > 0 ? sum() : null;
  }

  get done(): Promise<StepResult> {
    return this.#done.promise;
  }

  assign(members: readonly Member[]): void {
    const free = [...this.#owed].filter(([, member]) => member === null).map(([shard]) => shard);
    if (free.length === 0 || members.length === 0) return;
    // Those who owe least come first, so that a lost worker's shards go to whoever is nearest to being done.
    const load = (member: Member) => [...this.#owed.values()].filter((owner) => owner === member).length;
    const candidates = members
      .map((member) => ({ member, load: load(member) }))
      .sort((a, b) => a.load - b.load || a.member.rank - b.member.rank);
    const helpers = candidates.slice(0, Math.min(free.length, candidates.length)).map(({ member }) => member);
    divide(free, helpers.length).forEach((block, index) => {
      const member = helpers[index]!;
      const given = this.#given.get(member) ?? new Set();
      this.#given.set(member, given);
      for (const shard of block) {
        this.#owed.set(shard, member);
        given.add(shard);
      }
      member.owesSince = this.#hooks.now();
      this.#hooks.send(member, block);
    });
  }

  lost(member: Member): number {
    let count = 0;
    for (const [shard, owner] of this.#owed) {
      if (owner !== member) continue;
      this.#owed.set(shard, null);
      count++;
    }
    return count;
  }

  abandon(error: unknown): void {
    this.#done.reject(error);
  }

  receive(member: Member, message: ToCoordinator, payload: Uint8Array | null): RejectReason | null {
    if (message.type !== "loss" && message.type !== "bucket" && message.type !== "finished") return "stale";
    if (message.step !== this.#plan.step || message.version !== this.#plan.version) return "stale";
    const range: Range =
      message.type === "loss"
        ? { start: message.shard, end: message.shard + 1 }
        : { start: message.start, end: message.end };
    if (!this.#isNode(range)) return "schema";
    if (!this.#mayGive(member, range)) return "sender";
    const reason = this.#take(member, range, message, payload);
    if (reason === null && member.owesSince !== null) member.owesSince = this.#hooks.now(); // a sign of progress
    return reason;
  }

  #take(
    member: Member,
    range: Range,
    message: Extract<ToCoordinator, { type: "loss" | "bucket" | "finished" }>,
    payload: Uint8Array | null,
  ): RejectReason | null {
    if (message.type === "loss") return this.#receiveLoss(member, message);
    if (message.type === "bucket") return this.#receiveBucket(member, range, message.bucket, payload);
    return this.#receiveEnd(member, range, message.computeSeconds, payload);
  }

  /** Whether each shard of the range that has samples was given to this member. */
  #mayGive(member: Member, range: Range): boolean {
    const given = this.#given.get(member);
    const shards = this.#present(range);
    return given !== undefined && shards.length > 0 && shards.every((shard) => given.has(shard));
  }

  #present({ start, end }: Range): number[] {
    const { empty } = this.#plan;
    return Array.from({ length: end - start }, (_, index) => start + index).filter((shard) => !empty.includes(shard));
  }

  #receiveLoss(
    member: Member,
    { shard, loss, hits }: { shard: number; loss: number; hits: number },
  ): RejectReason | null {
    if (!Number.isFinite(loss)) {
      this.abandon(
        new CnnDistError(
          "not-finite",
          `step ${this.#plan.step}, shard ${shard}, rank ${member.rank}: the loss is ${loss}; the step was not applied. Lower --lr, add --lr-warmup-epochs or --clip-grad-norm, or look at the data.`,
        ),
      );
      return null;
    }
    this.#losses.set(shard, { loss, hits });
    this.#finishIfComplete();
    return null;
  }

  #receiveBucket(member: Member, range: Range, bucket: number, payload: Uint8Array | null): RejectReason | null {
    const sum = this.#sums[bucket];
    const size = this.#layout.buckets[bucket]?.size;
    if (sum === undefined || size === undefined) return "schema";
    const gradient = asFloat32(payload, size);
    if (!gradient) return "payload";
    this.#cameFrom(member, range).add(bucket);
    if (sum === null) return null; // whole already: the same shards came again after a worker was lost
    const parts = this.#parts[bucket]!;
    parts.push({ rank: member.rank, range, gradient, intact: !isLeft(range, this.#plan.shards) });
    const start = this.#hooks.now();
    const whole = sum.put(range, gradient);
    this.#reduceMs += this.#hooks.now() - start;
    if (!whole) return null;
    this.#sums[bucket] = null;
    this.#parts[bucket] = [];
    this.#guard(() => this.#hooks.reduced(bucket, whole, parts));
    this.#finishIfComplete();
    return null;
  }

  #receiveEnd(member: Member, range: Range, computeSeconds: number, payload: Uint8Array | null): RejectReason | null {
    const { buckets, stateSize } = this.#layout;
    const state = stateSize > 0 ? asFloat32(payload, stateSize) : null;
    if (stateSize > 0 ? !state : payload) return "payload";
    if (this.#cameFrom(member, range).size < buckets.length) return "schema";
    if (this.#present(range).some((shard) => !this.#losses.has(shard))) return "schema";
    if (this.#stateSum && state) {
      const whole = this.#stateSum.put(range, state);
      if (whole) {
        this.#stateSum = null;
        this.#guard(() => this.#hooks.reducedState(whole));
      }
    }
    this.#computeSeconds.set(member.rank, (this.#computeSeconds.get(member.rank) ?? 0) + computeSeconds);
    for (let shard = range.start; shard < range.end; shard++) {
      if (this.#owed.get(shard) === member) this.#owed.delete(shard);
    }
    if (![...this.#owed.values()].includes(member)) member.owesSince = null;
    this.#finishIfComplete();
    return null;
  }

  #cameFrom(member: Member, range: Range): Set<number> {
    const ranges = this.#came.get(member) ?? new Map<string, Set<number>>();
    this.#came.set(member, ranges);
    const buckets = ranges.get(rangeKey(range)) ?? new Set();
    ranges.set(rangeKey(range), buckets);
    return buckets;
  }

  #guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.abandon(error);
    }
  }

  /** Whether the range is a node of this step's tree; a sum of any other would be added in another order. */
  #isNode(range: Range): boolean {
    if (!(range.start < range.end) || range.end > this.#plan.shards) return false;
    const shards = Array.from({ length: range.end - range.start }, (_, index) => range.start + index);
    return coverOf(shards, this.#plan.shards).length === 1;
  }

  #finishIfComplete(): void {
    if (this.#owed.size > 0 || this.#losses.size < this.#plan.shards - this.#plan.empty.length) return;
    if (this.#stateSum || this.#sums.some((sum) => sum !== null)) return;
    let loss = 0;
    let hits = 0;
    for (const shard of [...this.#losses.keys()].sort((a, b) => a - b)) {
      loss += this.#losses.get(shard)!.loss;
      hits += this.#losses.get(shard)!.hits;
    }
    this.#done.resolve({ loss, hits, computeSeconds: this.#computeSeconds, reduceSeconds: this.#reduceMs / 1000 });
  }
}

/** Whether a node of the tree is the left half of its parent: the one that the right half is added onto. */
function isLeft(range: Range, shards: number): boolean {
  let node: Range = { start: 0, end: shards };
  for (let children = childrenOf(node); children; children = childrenOf(node)) {
    const [left, right] = children;
    if (rangeKey(left) === rangeKey(range)) return true;
    if (rangeKey(right) === rangeKey(range)) return false;
    node = range.start < right.start ? left : right;
  }
  return false;
}

/** Float32: the sum is rounded when it is stored. */
