/** Who is there: a pure record of workers by peer. Time comes in as an argument; nothing is sent from here. */
import type { WorkerPhase, WorkerState } from "../events.js";
import { PEERS } from "../limits.js";
import type { Exchange, ToCoordinator } from "../protocol/messages.js";
import type { Incarnation } from "./incarnation.js";
import { type NodePart, nodePart } from "./node-part.js";

export interface Member extends Incarnation {
  readonly peer: string;
  readonly pid: number;
  readonly host: string;
  readonly device: string;
  /** Started by this run itself, as its token shows. */
  readonly local: boolean;
  /** Null: it is one worker. Of a node, `rank` is the first of its workers'. */
  readonly node: NodePart | null;
  /** How weights and gradients travel between it and the coordinator. */
  readonly exchange: Exchange;
  state: WorkerState;
  /** Milliseconds of the coordinator's clock. */
  lastHeard: number;
  /** What it does, as far as it has told; and since when, or, while it joins, since its last word of progress. */
  phase: WorkerPhase;
  phaseSince: number;
  tensors: number;
  tensorBytes: number;
}

interface Expected extends Incarnation {
  /** Milliseconds of the coordinator's clock. */
  since: number;
}

export class Roster {
  readonly #working: number;
  readonly #members = new Map<string, Member>();
  readonly #expected = new Map<string, Expected>();
  readonly #incarnations = new Map<number, number>();
  /** A run that starts its own workers takes no others, unless it is over several machines. */
  #ownWorkersOnly = false;
  readonly #overNodes: boolean;
  /** Ranks below it are the run's own: a stranger must not sit on the rank of a worker that comes back. */
  #firstOfOthers = 0;
  readonly #strikes = new Map<string, number>();

  /** `working`: how many workers can have work, or are waited for. `overNodes`: others may come though it starts its own. */
  constructor(working: number, { overNodes = false }: { overNodes?: boolean } = {}) {
    this.#working = working;
    this.#overNodes = overNodes;
  }

  /** Only a hello with this token may take that rank. */
  expect(token: string, worker: Expected): void {
    this.#ownWorkersOnly = !this.#overNodes;
    this.#firstOfOthers = Math.max(this.#firstOfOthers, worker.rank + 1);
    this.#expected.set(token, worker);
  }

  /** Workers that were started and have not said hello. */
  absent(): Expected[] {
    return [...this.#expected.values()];
  }

  /** It will not come any more. */
  forget({ rank, incarnation }: Incarnation): void {
    for (const [token, expected] of this.#expected)
      if (expected.rank === rank && expected.incarnation === incarnation) this.#expected.delete(token);
  }

  get(peer: string): Member | undefined {
    return this.#members.get(peer);
  }

  find({ rank, incarnation }: Incarnation): Member | undefined {
    return this.all().find((member) => member.rank === rank && member.incarnation === incarnation);
  }

  /** The member that came as that node. */
  node(number: number): Member | undefined {
    return this.all().find(({ node }) => node?.number === number);
  }

  all(): Member[] {
    return [...this.#members.values()].sort((a, b) => a.rank - b.rank);
  }

  /** Those that joined and can be given work, by rank. */
  ready(): Member[] {
    return this.all().filter(({ state }) => state === "ready" || state === "working" || state === "spare");
  }

  /** Enters a peer; a string says why it may not. `exchange`: that of the run's own workers; others have frames. */
  hello(
    peer: string,
    message: Extract<ToCoordinator, { type: "hello" }>,
    now: number,
    exchange: Exchange,
  ): Member | string {
    if (this.#members.has(peer)) return "it has already said hello";
    const { token, node } = message;
    const places = this.#placesOf(token, node?.workers ?? 1);
    if (typeof places === "string") return places;
    const place = places[0]!;
    const member: Member = {
      peer,
      rank: place.rank,
      incarnation: place.incarnation,
      pid: message.pid,
      host: message.host,
      device: message.device,
      local: token !== null,
      node: node ? nodePart(node.rank, places) : null,
      exchange: token !== null ? exchange : "frames",
      state: "joining",
      lastHeard: now,
      phase: "joining",
      phaseSince: now,
      tensors: 0,
      tensorBytes: 0,
    };
    this.#members.set(peer, member);
    return member;
  }

  #placesOf(token: string | null, workers: number): Incarnation[] | string {
    const expected = token === null ? undefined : this.#expected.get(token);
    if (token !== null && expected) {
      this.#expected.delete(token);
      return [expected];
    }
    if (token !== null || this.#ownWorkersOnly)
      return "it has no token that this run gave out and that was not used yet";
    const taken = new Set(this.all().flatMap(({ rank, node }) => node?.workers.map((each) => each.rank) ?? [rank]));
    if (taken.size >= this.#working + PEERS.spares)
      return `this run has work for ${this.#working} workers, and ${PEERS.spares} more stand by; it takes no others. Start this one again when one of them has left`;
    const ranks = (first: number) => Array.from({ length: workers }, (_, index) => first + index);
    let first = this.#firstOfOthers;
    while (ranks(first).some((rank) => taken.has(rank))) first++;
    return ranks(first).map((rank) => ({ rank, incarnation: this.#next(rank) }));
  }

  #next(rank: number): number {
    const incarnation = (this.#incarnations.get(rank) ?? -1) + 1;
    this.#incarnations.set(rank, incarnation);
    return incarnation;
  }

  /** A node started a worker again: whoever has the rank after it is a later incarnation. */
  heardOf({ rank, incarnation }: Incarnation): void {
    this.#incarnations.set(rank, Math.max(this.#incarnations.get(rank) ?? -1, incarnation));
  }

  /** Milliseconds in which nobody could be heard: they are not counted as anybody's silence. */
  forgive(ms: number): void {
    for (const member of this.#members.values()) {
      member.lastHeard += ms;
      member.phaseSince += ms;
    }
    for (const absent of this.#expected.values()) absent.since += ms;
  }

  remove(member: Member): boolean {
    return this.#members.get(member.peer) === member && this.#members.delete(member.peer);
  }

  /** True once the peer is to be cut off. */
  strike(peer: string): boolean {
    const count = (this.#strikes.get(peer) ?? 0) + 1;
    this.#strikes.set(peer, count);
    if (this.#strikes.size > PEERS.remembered) this.#strikes.delete(this.#strikes.keys().next().value!);
    return count >= PEERS.strikes;
  }
}

/** Whether it has not joined yet. */
export const isPreparing = ({ state }: Pick<Member, "state">): boolean => state === "joining" || state === "tracing";
