/** What a step and an evaluation have in common: pieces of work that are owed, delivered, and given to others. */
import type { RejectReason } from "../protocol/codec.js";
import type { ToCoordinator } from "../protocol/messages.js";
import type { Member } from "./roster.js";

export interface Work<Result> {
  /** Resolves when everything is there; rejects when it is abandoned. */
  readonly done: Promise<Result>;
  /** Gives out what nobody owes yet. */
  assign(members: readonly Member[]): void;
  /** A reason when the message does not belong here. */
  receive(member: Member, message: ToCoordinator, payload: Uint8Array | null): RejectReason | null;
  /** What a lost worker owed is nobody's again; returns how many pieces. */
  lost(member: Member): number;
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
  promise.catch(() => {}); // whoever awaits it sees the error; nobody awaiting it yet is no crash
  return { promise, resolve, reject };
}
