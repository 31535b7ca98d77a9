/** The test set in fixed chunks over the workers; every image counts once, and sums do not depend on who computed them. */
import type { Span } from "../data/order.js";
import type { RejectReason } from "../protocol/codec.js";
import type { ToCoordinator } from "../protocol/messages.js";
import type { Member } from "./roster.js";
import { type Deferred, deferred, type Work } from "./work.js";

/** Chunks that a worker has at a time: one to compute, one to go on with. */
const AHEAD = 2;

export interface EvaluationHooks {
  now(): number;
  send(member: Member, chunk: Span): void;
}

export class EvaluationInFlight implements Work<{ loss: number; hits: number }> {
  readonly #evaluation: number;
  readonly #chunks: readonly Span[];
  readonly #hooks: EvaluationHooks;
  readonly #done: Deferred<{ loss: number; hits: number }> = deferred();
  readonly #waiting: number[];
  readonly #owed = new Map<number, Member>();
  readonly #results = new Map<number, { loss: number; hits: number }>();
  #members: readonly Member[] = [];

  constructor(evaluation: number, chunks: readonly Span[], hooks: EvaluationHooks) {
    this.#evaluation = evaluation;
    this.#chunks = chunks;
    this.#hooks = hooks;
    this.#waiting = chunks.map((_, index) => index);
  }

  get done(): Promise<{ loss: number; hits: number }> {
    return this.#done.promise;
  }

  assign(members: readonly Member[]): void {
    this.#members = members;
    for (let round = 0; round < AHEAD; round++) {
      for (const member of members) {
        const owned = [...this.#owed.values()].filter((owner) => owner === member).length;
        if (owned > round) continue;
        const chunk = this.#waiting.shift();
        if (chunk === undefined) return;
        this.#owed.set(chunk, member);
        member.owesSince ??= this.#hooks.now();
        this.#hooks.send(member, this.#chunks[chunk]!);
      }
    }
  }

  receive(member: Member, message: ToCoordinator): RejectReason | null {
    if (message.type !== "evaluated" || message.evaluation !== this.#evaluation) return "stale";
    const chunk = this.#chunks.findIndex(({ start, end }) => start === message.start && end === message.end);
    if (chunk < 0) return "schema";
    if (this.#owed.get(chunk) !== member) return "stale";
    this.#owed.delete(chunk);
    this.#results.set(chunk, { loss: message.loss, hits: message.hits });
    member.owesSince = [...this.#owed.values()].includes(member) ? this.#hooks.now() : null;
    if (this.#results.size < this.#chunks.length) {
      this.assign(this.#members);
      return null;
    }
    let loss = 0;
    let hits = 0;
    for (let index = 0; index < this.#chunks.length; index++) {
      loss += this.#results.get(index)!.loss;
      hits += this.#results.get(index)!.hits;
    }
    this.#done.resolve({ loss, hits });
    return null;
  }

  lost(member: Member): number {
    const chunks = [...this.#owed].filter(([, owner]) => owner === member).map(([chunk]) => chunk);
    for (const chunk of chunks) this.#owed.delete(chunk);
    this.#waiting.unshift(...chunks);
    this.#members = this.#members.filter((other) => other !== member);
    return chunks.length;
  }

  abandon(error: unknown): void {
    this.#done.reject(error);
  }
}
