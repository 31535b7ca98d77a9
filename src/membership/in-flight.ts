/** What a step and an evaluation have in common while they run: pieces that are given out, owed, and given to others. */
import type { RejectReason } from "../protocol/codec.js";
import type { ToCoordinator } from "../protocol/messages.js";
import type { Member } from "./roster.js";
import type { Owed } from "./watch.js";

export interface InFlight {
  /** Resolves when everything was delivered; rejects when it is abandoned. */
  readonly done: Promise<void>;
  /** Since when each member that owes something has sent nothing of it, in milliseconds. */
  readonly owesSince: ReadonlyMap<Member, number>;
  /** What its work usually takes a member, in milliseconds; null: not known. */
  usualMs(member: Member): number | null;
  /** Assigns what has no member yet. */
  assign(members: readonly Member[]): void;
  /** A reason when the message does not belong here. */
  receive(member: Member, message: ToCoordinator, payload: Uint8Array | null): RejectReason | null;
  /** Takes back what a lost worker owed; returns how many pieces. */
  lost(member: Member): number;
  /** Milliseconds that are not counted against any member. */
  forgive(ms: number): void;
  abandon(error: unknown): void;
}

export interface Deferred<T> {
  promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  promise.catch(() => {}); // an error before anything awaits it must not end the process
  return { promise, resolve, reject };
}

/** What a member has not given yet of what is in flight. */
export function owedOf(inFlight: InFlight | null, member: Member): Owed | null {
  const since = inFlight?.owesSince.get(member);
  return inFlight === null || since === undefined ? null : { since, usualMs: inFlight.usualMs(member) };
}
