/** What membership needs of the world and of the work in flight. Tests give fakes; src/run gives the real. */
import type { Snapshot } from "../checkpoint/snapshot.js";
import type { Clock } from "../clock.js";
import type { StepTimeout } from "../config/time-limits.js";
import type { CnnDistError } from "../errors.js";
import type { RunEvent } from "../events.js";
import type { Layout } from "../parameters/layout.js";
import type { RejectReason } from "../protocol/codec.js";
import type { Exchange, ToCoordinator } from "../protocol/messages.js";
import type { CoordinatorLink } from "../transport/link.js";
import type { GivenValues } from "./admission.js";
import type { Member } from "./roster.js";
import type { ShortageOptions } from "./shortage.js";
import type { Owed } from "./watch.js";

export interface MembersOptions {
  run: string;
  /** What every worker is told, and what training begins with. */
  start: Pick<Snapshot, "recipe" | "pixelStatistics" | "step"> & { readonly values: GivenValues };
  /** Workers to wait for before the first step; those that come later join at a step boundary. */
  workers: number;
  /** Milliseconds after which it begins with those that are there; null: not by itself. */
  gatherMs: number | null;
  /** Expected of every worker; null for what is not known here (user models: the first worker's word counts). */
  expect: { datasetSha256: string; topologySha256: string | null };
  /** How the run's own workers exchange with the coordinator. */
  exchange: Exchange;
  /** Shards that one worker adds (src/parameters/blocks.ts). */
  block: number;
  /** Of a run over several machines: other machines to wait for before the first step, and how long; null: it is on one. */
  nodes: { count: number; patienceMs: number } | null;
  /** In seconds. */
  placement: { stepTimeout: StepTimeout; heartbeatTimeout: number; backupShards: boolean } & ShortageOptions;
}

export interface MembersPorts {
  link: CoordinatorLink;
  clock: Clock;
  emit(event: RunEvent): void;
  /** Called once, before the first worker is accepted, with a layout that only a worker could tell. */
  layoutKnown(layout: Layout): void;
  /** Ends a worker for certain; resolves when it is dead (at once for one of another host, which is only cut off). */
  endWorker(rank: number, incarnation: number): Promise<void>;
  /** Worker processes that live or will be started again; Infinity where they come from other hosts. */
  workersPossible(): number;
  /** For messages about a dead worker. */
  logTail(rank: number): LogTail;
}

/** The end of what a worker's newest incarnation wrote to its log. */
export interface LogTail {
  /** Who began that part of the log, and when; "" without a log. */
  header: string;
  /** The last of the lines that it wrote itself. */
  lines: readonly string[];
}

/** What the members' work must know of them, and must say of itself. */
export interface Duties {
  /** A message about work; a reason when it belongs to nothing that is in flight. */
  receive(member: Member, message: ToCoordinator, payload: Uint8Array | null): RejectReason | null;
  /** What the member has not given yet; null when it owes nothing. */
  owed(member: Member): Owed | null;
  /** The step in flight, or the last one; null before the first. */
  step(): number | null;
  /** Called every so often. */
  look(): void;
  /** The coordinator itself was held up for so long: that time is not counted against any member. */
  forgive(ms: number): void;
  /** Takes back what the member owed; returns how many pieces. */
  lost(member: Member): number;
  /** Somebody came or went. */
  changed(): void;
  /** The run cannot go on. */
  fail(error: CnnDistError): void;
}
