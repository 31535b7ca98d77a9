/** What a page is told of a run's events: no more than it shows. Pure. */
import type {
  CheckpointEvent,
  DoneEvent,
  EvalEvent,
  HeartbeatEvent,
  HeldBackEvent,
  LogEvent,
  NodeEvent,
  NotStartedEvent,
  PicturesEvent,
  PlanEvent,
  RollbackEvent,
  RunEvent,
  SlowEvent,
  TimelineEvent,
  WorkerEvent,
} from "../../events.js";
import { type PageStep, pageStep, type StepsEvent } from "./steps.js";

/** Told of a run that is read from its records: whether a process writes it now. */
export interface AliveEvent {
  event: "alive";
  alive: boolean;
}

export type PageEvent =
  | PlanEvent
  | WorkerEvent
  | NodeEvent
  | PageStep
  | StepsEvent
  | TimelineEvent
  | EvalEvent
  | CheckpointEvent
  | PicturesEvent
  | HeldBackEvent
  | SlowEvent
  | RollbackEvent
  | Pick<HeartbeatEvent, "event" | "rank" | "rss_bytes">
  | LogEvent
  | DoneEvent
  | NotStartedEvent
  | AliveEvent;

/** An event and when it happened: Unix time in seconds, null where that was not written down. */
export type Entry = readonly [time: number | null, event: PageEvent];

/** Null: no page shows anything of it. */
export function pageEvent(event: RunEvent): PageEvent | null {
  switch (event.event) {
    case "step":
      return pageStep(event);
    case "checkpoint-failed":
      return { event: "log", level: "warn", message: event.message };
    case "heartbeat":
      return { event: "heartbeat", rank: event.rank, rss_bytes: event.rss_bytes };
    case "plan":
    case "worker":
    case "node":
    case "timeline":
    case "eval":
    case "checkpoint":
    case "pictures":
    case "held-back":
    case "slow":
    case "rollback":
    case "log":
    case "done":
    case "stopped":
      return event;
    default:
      return null;
  }
}

/** Comes again and again, as the next second's does: a page loses nothing by a moment's wait. All else it shows as soon as it can. */
export function isRoutine({ event }: PageEvent): boolean {
  return (
    event === "step" || event === "steps" || event === "timeline" || event === "heartbeat" || event === "held-back"
  );
}
