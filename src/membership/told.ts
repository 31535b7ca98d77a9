/** What is told of a member, in events and messages, and what it is told. Pure. */
import type { NodeEvent, WorkerEvent, WorkerState } from "../events.js";
import type { Layout } from "../parameters/layout.js";
import type { Range } from "../parameters/tree.js";
import type { ToCoordinator, ToWorker } from "../protocol/messages.js";
import { layoutSpecOf } from "./admission.js";
import { presentOf } from "./node-part.js";
import type { MembersOptions } from "./ports.js";
import type { Member } from "./roster.js";
import type { Part, StepPlan } from "./workers.js";

/** What an event of a member may say beside its state. */
export type Details = Omit<WorkerEvent, "event" | "rank" | "incarnation" | "state" | "pid" | "device" | "node">;

/** Of a worker its own event; of a node one, and one for each of its workers when they go with it. */
export function eventsOf(member: Member, state: WorkerState, details: Details): (WorkerEvent | NodeEvent)[] {
  const { rank, incarnation, pid, device, host, node } = member;
  if (!node) return [{ event: "worker", rank, incarnation, state, pid, device, ...details }];
  const told: NodeEvent = {
    event: "node",
    node: node.number,
    incarnation,
    state,
    host,
    device,
    workers: node.workers.length,
    ...details,
  };
  const goes = state === "lost" || state === "refused" || state === "stopped";
  return [told, ...(goes ? presentOf(node).map((worker) => gone(node.number, worker, state)) : [])];
}

function gone(
  node: number,
  { rank, incarnation, pid, device }: Pick<WorkerEvent, "rank" | "incarnation" | "pid" | "device">,
  state: "lost" | "refused" | "stopped",
): WorkerEvent {
  const worker = { event: "worker", rank, incarnation, pid, device, node } as const;
  if (state === "stopped") return { ...worker, state };
  return { ...worker, state: "lost", reason: "node", detail: `it went with node ${node}` };
}

/** What a node said of one of its workers. */
export function workerEventOf(node: number, message: Extract<ToCoordinator, { type: "worker" }>): WorkerEvent {
  const { type, detectionSeconds, ...worker } = message;
  const seconds = detectionSeconds === undefined ? {} : { detection_seconds: detectionSeconds };
  return withoutUndefined({ event: type, ...worker, ...seconds, node });
}

/** What zod calls optional may be undefined; the decoder never makes it so. */
function withoutUndefined<T extends object>(value: T) {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

/** Who it is, for messages. */
export function nameOf({ rank, node }: Pick<Member, "rank" | "node">): string {
  return node ? `node ${node.number}` : `rank ${rank}`;
}

export const partOf = <Values>(member: Parameters<typeof nameOf>[0], range: Range, values: Values): Part<Values> => ({
  from: nameOf(member),
  range,
  values,
});

type RecipeGiven = Pick<MembersOptions["start"], "recipe" | "pixelStatistics">;

/** What a member is told once it was let in; `layout`: of the parameters, null while nobody knows it. */
export function recipeFor(
  { node }: Pick<Member, "node">,
  { run, start, block }: Pick<MembersOptions, "run" | "block"> & { start: RecipeGiven },
  layout: Layout | null,
): Extract<ToWorker, { type: "recipe" }> {
  const { recipe, pixelStatistics } = start;
  const part = node && {
    workers: node.workers.map(({ rank, incarnation }) => ({ rank, incarnation })),
    block,
    parameters: layout && layoutSpecOf(layout),
  };
  return { type: "recipe", run, recipe, pixelStatistics, ...(part && { node: part }) };
}

/** What a member is told of the shards that it is to compute. */
export function assignment(
  { step, version, epoch, stepInEpoch, batch, traced }: StepPlan,
  shards: readonly number[],
): Extract<ToWorker, { type: "assign" }> {
  return { type: "assign", step, version, epoch, stepInEpoch, batch, shards: [...shards], traced };
}
