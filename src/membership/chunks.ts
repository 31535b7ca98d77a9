/** An evaluation in flight: chunks of the test set, given to the workers that are there. */
import type { Span } from "../data/order.js";
import type { RejectReason } from "../protocol/codec.js";
import type { ToCoordinator } from "../protocol/messages.js";
import { deferred, type InFlight } from "./in-flight.js";
import { capacityOf } from "./node-part.js";
import type { Pace } from "./pace.js";
import type { Member } from "./roster.js";
import type { EvaluationWork } from "./workers.js";

/** Chunks that a worker has at a time: one to compute, one to go on with. */
const AHEAD = 2;

interface Hooks {
  /** Milliseconds. */
  now(): number;
  /** Who may be given work now: a worker that is being ended is no longer among them. */
  ready(): readonly Member[];
  /** Returns whether the weights had to travel before the work. */
  send(member: Member, chunk: Span): boolean;
  /** Of a chunk, over all evaluations. */
  pace: Pace;
}

export class ChunksInFlight implements InFlight {
  readonly owesSince = new Map<Member, number>();
  readonly #work: EvaluationWork<unknown>;
  readonly #evaluation: number;
  readonly #hooks: Hooks;
  readonly #done = deferred<void>();
  readonly #waiting: number[];
  readonly #owed = new Map<number, Member>();
  /** Members whose weights travel, which may take any time: until something of theirs has come. */
  readonly #supplied = new Set<Member>();

  /** `evaluation`: its number on the wire, by which late answers to another one are told apart. */
  constructor(work: EvaluationWork<unknown>, evaluation: number, hooks: Hooks) {
    this.#work = work;
    this.#evaluation = evaluation;
    this.#hooks = hooks;
    this.#waiting = work.chunks.map((_, index) => index);
    this.#finishIfComplete();
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  assign(members: readonly Member[]): void {
    const most = Math.max(0, ...members.map(capacityOf));
    for (let round = 0; round < AHEAD * most; round++) {
      for (const member of members) {
        if (round >= AHEAD * capacityOf(member)) continue;
        const owned = [...this.#owed.values()].filter((owner) => owner === member).length;
        if (owned > round) continue;
        const chunk = this.#waiting.shift();
        if (chunk === undefined) return;
        this.#owed.set(chunk, member);
        if (!this.owesSince.has(member)) this.owesSince.set(member, this.#hooks.now());
        if (this.#hooks.send(member, this.#work.chunks[chunk]!)) this.#supplied.add(member);
      }
    }
  }

  receive(member: Member, message: ToCoordinator): RejectReason | null {
    if (message.type !== "evaluated" || message.evaluation !== this.#evaluation) return "stale";
    const chunk = this.#work.chunks.findIndex(({ start, end }) => start === message.start && end === message.end);
    if (chunk < 0) return "schema";
    if (this.#owed.get(chunk) !== member) return "stale";
    this.#owed.delete(chunk);
    this.#supplied.delete(member);
    if (!member.node) this.#hooks.pace.took(member, this.#hooks.now() - this.owesSince.get(member)!);
    this.#work.addScore(chunk, { loss: message.loss, hits: message.hits });
    if ([...this.#owed.values()].includes(member)) this.owesSince.set(member, this.#hooks.now());
    else this.owesSince.delete(member);
    this.assign(this.#hooks.ready());
    this.#finishIfComplete();
    return null;
  }

  /** The first of its chunks is what is waited for. A node's chunks come in bursts, and it knows itself which worker is late. */
  usualMs(member: Member): number | null {
    return this.#supplied.has(member) || member.node ? null : this.#hooks.pace.usualMs(member, 1);
  }

  #finishIfComplete(): void {
    if (this.#waiting.length === 0 && this.#owed.size === 0) this.#done.resolve();
  }

  lost(member: Member): number {
    const chunks = [...this.#owed].filter(([, owner]) => owner === member).map(([chunk]) => chunk);
    for (const chunk of chunks) this.#owed.delete(chunk);
    this.#waiting.unshift(...chunks);
    this.owesSince.delete(member);
    return chunks.length;
  }

  forgive(ms: number): void {
    for (const [member, since] of this.owesSince) this.owesSince.set(member, since + ms);
  }

  abandon(error: unknown): void {
    this.#done.reject(error);
  }
}
