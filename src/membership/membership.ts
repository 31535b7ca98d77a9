/** The training's workers as processes that speak the protocol: work goes to members, and again when one is lost. */
import { BACKUP_LOOK_MS } from "../config/time-limits.js";
import { CnnDistError } from "../errors.js";
import type { Ended } from "../protocol/messages.js";
import type { Gathered } from "./admission.js";
import { Behind, backupEvent } from "./backups.js";
import { exchangedSince } from "./channel.js";
import { ChunksInFlight } from "./chunks.js";
import { Compression } from "./compression.js";
import { deferred, type InFlight, owedOf } from "./in-flight.js";
import type { Incarnation } from "./incarnation.js";
import { Members } from "./members.js";
import { capacityOf, isWhole } from "./node-part.js";
import { Pace } from "./pace.js";
import type { MembersOptions, MembersPorts } from "./ports.js";
import { ResidualsInFlight } from "./residuals-in-flight.js";
import type { Member } from "./roster.js";
import { ShardsInFlight } from "./shards.js";
import { Shortage } from "./shortage.js";
import { WorkerClocks } from "./step-times.js";
import { assignment } from "./told.js";
import { Versions } from "./versions.js";
import {
  type EvaluationWork,
  type ResidualWork,
  type StepWork,
  StopRequested,
  type Weights,
  type Work,
  type Workers,
} from "./workers.js";

export class Membership implements Workers {
  readonly #options: MembersOptions;
  readonly #ports: MembersPorts;
  readonly #shortage: Shortage;
  /** Until when a training that may begin with fewer workers waits for all of them. */
  readonly #beginMs: number;
  readonly #members: Members;
  readonly #versions: Versions;
  readonly #compression: Compression | null;
  readonly #clocks = new WorkerClocks();
  /** Of a shard, and of a chunk of the test set. */
  readonly #pace = { shard: new Pace(), chunk: new Pace() };
  readonly #behind = new Behind();
  #cancelBackups = () => {};
  #lastStep: number | null = null;
  #evaluations = 0;
  #inFlight: InFlight | null = null;
  /** Why no more work is done: a stop that was asked for, or the run's failure; whichever came first. */
  #ended: Error | null = null;
  #changed = deferred<void>();

  constructor(options: MembersOptions, ports: MembersPorts) {
    this.#options = options;
    this.#ports = ports;
    const { minWorkers, waitWorkers } = options.placement;
    this.#shortage = new Shortage(options.placement, ports.clock.now());
    const patienceMs = minWorkers === null ? (options.gatherMs ?? options.nodes?.patienceMs) : waitWorkers * 1000;
    this.#beginMs = ports.clock.now() + (patienceMs ?? Number.POSITIVE_INFINITY);
    this.#compression = Compression.of(options.start, options.exchange);
    this.#members = new Members(options, ports, {
      receive: (member, message, payload) => {
        this.#behind.heard(member, message);
        return this.#inFlight ? this.#inFlight.receive(member, message, payload) : "stale";
      },
      owed: (member) => owedOf(this.#inFlight, member) ?? this.#behind.owed(member),
      step: () => this.#lastStep,
      forgive: (ms) => {
        this.#inFlight?.forgive(ms);
        this.#shortage.forgive(ms);
        this.#behind.forgive(ms);
      },
      look: () => {
        this.#lookForShortage();
        this.#wake();
      },
      lost: (member) => this.#lost(member),
      changed: () => {
        this.#lookForShortage();
        this.#inFlight?.assign(this.#free());
        this.#wake();
      },
      fail: (error) => this.#end(error),
    });
    this.#versions = new Versions((member, weights, bucket) => {
      if (member.exchange === "shared-memory") return false; // it reads them where they lie
      const { kind, version } = weights;
      this.#members.send(member, { type: "weights", kind, version, bucket }, weights.bucket(bucket));
      return true;
    });
  }

  /** Begins to look for members that have fallen silent. */
  watch(): void {
    this.#members.watch();
    if (this.#options.placement.backupShards) this.#lookForBackups();
  }

  /** Members that new work is for. */
  #free(): readonly Member[] {
    return this.#behind.free(this.#members.ready());
  }

  #lookForBackups(): void {
    const { clock, emit } = this.#ports;
    if (this.#inFlight instanceof ShardsInFlight)
      for (const late of this.#inFlight.backUp(this.#free())) emit(backupEvent(this.#lastStep!, late));
    this.#cancelBackups = clock.after(BACKUP_LOOK_MS, () => this.#lookForBackups());
  }

  /**
   * Resolves with what the training starts from once the workers and nodes that it waits for, or all that can come, are ready,
   * or once it has waited for long enough.
   */
  async gather(): Promise<Gathered> {
    for (;;) {
      if (this.#ended) throw this.#ended;
      const { gathered } = this.#members;
      const begins = this.#areAllThere() || this.#ports.clock.now() >= this.#beginMs;
      const ready = this.#workersReady();
      if (gathered && begins && ready > 0 && !this.#shortage.of(ready)) return gathered;
      await this.#changed.promise;
    }
  }

  #workersReady(): number {
    return this.#members.ready().reduce((sum, member) => sum + capacityOf(member), 0);
  }

  #areAllThere(): boolean {
    const { workers, nodes } = this.#options;
    const ready = this.#members.ready();
    const own = ready.filter(({ node }) => node === null).length;
    const whole = ready.filter(({ node }) => node && isWhole(node)).length;
    return (own >= workers || (own > 0 && own >= this.#ports.workersPossible())) && whole >= (nodes?.count ?? 0);
  }

  /** Whether one of the members compiles, which takes longer than its work usually does. */
  isCompiling(): boolean {
    return this.#members.all().some(({ phase }) => phase === "compiling");
  }

  async collect<Result>(work: Work<Result>): Promise<Result> {
    return work.kind === "step" ? await this.#step(work) : await this.#evaluation(work);
  }

  publish(next: Weights, bucket: number): void {
    const working = this.#members.ready().filter(({ state }) => state === "working");
    this.#versions.sendAhead(working, next, bucket);
  }

  async keepResiduals(work: ResidualWork): Promise<void> {
    const compression = this.#compression;
    if (!compression || compression.homes.kept === work.version) return;
    if (this.#ended && !(this.#ended instanceof StopRequested)) throw this.#ended;
    compression.begin(work.version);
    const { version } = work;
    const ask = (member: Member, shards: readonly number[]) =>
      this.#members.send(member, { type: "sendResiduals", version, shards: [...shards] });
    await this.#follow(new ResidualsInFlight(work, compression.homes, { now: () => this.#ports.clock.now(), ask }));
    compression.homes.gathered(version);
  }

  rolledBack(version: number): void {
    this.#compression?.rolledBack(version);
    this.#versions.forget();
    for (const member of this.#members.ready()) this.#members.send(member, { type: "rollback", version });
  }

  #lost(member: Member): number {
    this.#behind.forget(member);
    const gone = this.#compression?.lost(member);
    const pieces = this.#inFlight?.lost(member) ?? 0;
    if (gone) this.#inFlight?.abandon(gone);
    return pieces;
  }

  async #step<Result>(work: StepWork<Result>): Promise<Result> {
    this.#lastStep = work.plan.step;
    this.#compression?.begin(work.plan.version);
    const before = this.#members.exchanged();
    const inFlight = new ShardsInFlight(work, {
      now: () => this.#ports.clock.now(),
      clocks: this.#clocks,
      compression: this.#compression,
      pace: this.#pace.shard,
      send: (member, shards) => {
        const sent = this.#versions.bringUpTo(member, work.weights);
        this.#compression?.bring(member, shards, work, (message, payload) =>
          this.#members.send(member, message, payload),
        );
        this.#members.send(member, assignment(work.plan, shards));
        this.#members.setState(member, "working");
        this.#behind.forget(member);
        return sent;
      },
    });
    await this.#untilDone(inFlight);
    for (const member of inFlight.behind) this.#behind.add(member, { since: this.#ports.clock.now(), usualMs: null });
    this.#compression?.committed();
    this.#versions.committed(this.#members.ready(), work.weights);
    const exchanged = exchangedSince(before, this.#members.exchanged());
    const members = this.#members.all();
    return work.result({
      ranks: inFlight.ranks,
      exchangedBytes: { ...exchanged, shared: inFlight.sharedBytes },
      tensors: members.reduce((sum, { tensors }) => sum + tensors, 0),
      tensorBytes: members.reduce((sum, { tensorBytes }) => sum + tensorBytes, 0),
    });
  }

  async #evaluation<Result>(work: EvaluationWork<Result>): Promise<Result> {
    const evaluation = this.#evaluations++;
    const { kind, version } = work.weights;
    const inFlight = new ChunksInFlight(work, evaluation, {
      now: () => this.#ports.clock.now(),
      ready: () => this.#free(),
      pace: this.#pace.chunk,
      send: (member, { start, end }) => {
        const sent = this.#versions.bringUpTo(member, work.weights);
        this.#members.send(member, { type: "evaluate", evaluation, kind, version, start, end });
        this.#members.setState(member, "working");
        return sent;
      },
    });
    await this.#untilDone(inFlight);
    return work.result();
  }

  /** Workers may come and go meanwhile; it begins once enough are there. */
  async #untilDone(inFlight: InFlight): Promise<void> {
    for (;;) {
      if (this.#ended) throw this.#ended;
      if (!this.#shortage.of(this.#workersReady())) return await this.#follow(inFlight);
      this.#ports.emit({ event: "waiting", for: "workers" });
      await this.#changed.promise;
    }
  }

  #lookForShortage(): void {
    const [ready, possible] = [this.#workersReady(), this.#ports.workersPossible()];
    const found = this.#shortage.look({ ready, possible, now: this.#ports.clock.now() });
    if (!found || this.#ended) return;
    const { level, message } = found;
    if (level !== "error") this.#ports.emit({ event: "log", level, message });
    else this.#end(new CnnDistError("too-few-workers", `${message}; ${this.#members.lastToGo()}`));
  }

  async #follow(inFlight: InFlight): Promise<void> {
    this.#inFlight = inFlight;
    try {
      inFlight.assign(this.#free());
      for (const member of this.#members.ready())
        if (!inFlight.owesSince.has(member)) this.#members.setState(member, "spare");
      await inFlight.done;
    } finally {
      this.#inFlight = null;
    }
  }

  /** Ends the work in flight at once: `collect` rejects with StopRequested. */
  requestStop(reason: string): void {
    this.#end(new StopRequested(reason));
  }

  #end(why: StopRequested | CnnDistError): void {
    this.#ended ??= why;
    this.#inFlight?.abandon(this.#ended);
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = deferred();
  }

  expectWorker({ token, ...worker }: Incarnation & { token: string }): void {
    this.#members.expect(token, worker);
  }

  workerExited({ detail, ...worker }: Incarnation & { detail: string }): void {
    this.#members.exited(worker, detail);
  }

  /** workersPossible() may have changed. */
  reconsider(): void {
    this.#members.lookWhoIsLeft();
  }

  /** Tells all members to leave; those that come later are told the same. */
  dismiss(reason: string, ended: Ended): void {
    this.#cancelBackups();
    this.#members.dismiss(reason, ended);
  }
}
