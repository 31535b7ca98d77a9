/** What a member is that speaks for a machine: its number, and the workers behind it. Pure. */
import type { WorkerState } from "../events.js";
import type { RejectReason } from "../protocol/codec.js";
import type { ToCoordinator } from "../protocol/messages.js";
import type { Incarnation } from "./incarnation.js";

export interface NodeWorker {
  rank: number;
  /** Its newest. */
  incarnation: number;
  /** Null: nothing was told of it yet. */
  state: WorkerState | null;
  pid: number | null;
  device: string;
}

export interface NodePart {
  /** The machine's number in the run; 0 is the coordinator's, which is no member. */
  readonly number: number;
  /** In the order of their ranks. */
  readonly workers: readonly NodeWorker[];
}

/** A worker in one of these can compute. */
const ABLE: ReadonlySet<WorkerState | null> = new Set(["ready", "working", "spare"]);
/** A worker in one of these is not there any more. */
const GONE: ReadonlySet<WorkerState | null> = new Set(["lost", "refused", "stopped"]);

export function nodePart(number: number, workers: readonly Incarnation[]): NodePart {
  return { number, workers: workers.map((each) => ({ ...each, state: null, pid: null, device: "" })) };
}

/** Workers' worth of work that a member is given at a time: with none that is able, one begins soon or the node is lost. */
export function capacityOf({ node }: { readonly node: NodePart | null }): number {
  return node === null ? 1 : Math.max(1, ableOf(node));
}

function ableOf({ workers }: NodePart): number {
  return workers.filter(({ state }) => ABLE.has(state)).length;
}

/** Whether all workers that the node speaks for can compute. */
export function isWhole(node: NodePart): boolean {
  return ableOf(node) === node.workers.length;
}

export function presentOf({ workers }: NodePart): readonly NodeWorker[] {
  return workers.filter(({ state }) => state !== null && !GONE.has(state));
}

/** Takes what a node says of one of its workers; a reason when that is none of its workers, or an earlier incarnation. */
export function hearOf(
  { workers }: NodePart,
  { rank, incarnation, state, pid, device }: Extract<ToCoordinator, { type: "worker" }>,
): RejectReason | null {
  const worker = workers.find((each) => each.rank === rank);
  if (!worker) return "sender";
  // The end of an incarnation may be told after its successor has begun.
  if (incarnation < worker.incarnation) return GONE.has(state) ? null : "stale";
  Object.assign(worker, { incarnation, state, pid, device } satisfies Omit<NodeWorker, "rank">);
  return null;
}
