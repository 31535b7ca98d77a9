/** A run's workers, and what each loss of one cost. Pure; changed in place. */
import { placeOf, type SlowEvent, type WorkerEvent, type WorkerState } from "../../events.js";
import type { RecentStep } from "./steps.js";

export interface WorkerRow {
  rank: number;
  incarnation: number;
  state: WorkerState;
  device: string;
  pid: number | null;
  detail: string;
  /** Times that it was started again. */
  restarts: number;
  /** Resident memory, bytes; null until a sign of life tells it, and in records, which have none. */
  memory: number | null;
  /** While it takes persistently longer than the others. */
  slow: Pick<SlowEvent, "times" | "phase"> | null;
  /** Computed in the last step that it had a part in; null: none yet. */
  computeSeconds: number | null;
}

export interface LostWorker {
  rank: number;
  incarnation: number;
  /** Unix time in seconds; null: not recorded. */
  time: number | null;
  /** The last step that was committed before. */
  step: number;
  reason: string;
  detail: string;
  /** Its device, and the step and what it did as far as it had told. */
  place: string;
  /** The last lines of its log. */
  log: string;
  detectionSeconds: number | null;
  /** Shards that others computed again within the step. */
  reassigned: number;
  /** By which the step that it was lost in was longer than the steps before; null: not known, or lost between steps. */
  extraSeconds: number | null;
  /** Until its next incarnation was ready; null: it is not yet, or will never be. */
  awaySeconds: number | null;
  /** State of what came after it: "lost" until it is started again. */
  after: WorkerState;
}

export interface Team {
  workers: WorkerRow[];
  lost: LostWorker[];
  /** Durations of the last steps, for what is usual. */
  usual: number[];
}

/** The oldest losses are forgotten beyond this; a worker's number of restarts is not. */
const MAX_LOST = 200;
const USUAL_STEPS = 15;

export const emptyTeam = (): Team => ({ workers: [], lost: [], usual: [] });

export function workerHappened(team: Team, event: WorkerEvent, time: number | null, step: number): void {
  const found = team.workers.find(({ rank }) => rank === event.rank);
  // The end of an incarnation may be told after its successor has begun.
  const late = found !== undefined && event.incarnation < found.incarnation;
  if (event.state === "lost") {
    team.lost.push(lostWorker(event, time, step));
    if (team.lost.length > MAX_LOST) team.lost.shift();
  }
  if (late) return;
  if (event.state !== "lost") returned(team, event, time);
  const same = found?.incarnation === event.incarnation;
  const row: WorkerRow = {
    rank: event.rank,
    incarnation: event.incarnation,
    state: event.state,
    device: event.device,
    pid: event.pid ?? (same ? found.pid : null),
    detail: event.detail ?? "",
    restarts: Math.max(event.incarnation, found?.restarts ?? 0),
    memory: same ? found.memory : null,
    slow: same ? found.slow : null,
    computeSeconds: found?.computeSeconds ?? null,
  };
  if (found) Object.assign(found, row);
  else {
    team.workers.push(row);
    team.workers.sort((a, b) => a.rank - b.rank);
  }
}

function lostWorker(event: WorkerEvent, time: number | null, step: number): LostWorker {
  const { rank, incarnation, reason = "error", detail = "", detection_seconds = null, reassigned = 0 } = event;
  return {
    rank,
    incarnation,
    time,
    step,
    reason,
    detail,
    place: placeOf(event),
    log: event.log ?? "",
    detectionSeconds: detection_seconds,
    reassigned,
    extraSeconds: null,
    awaySeconds: null,
    after: "lost",
  };
}

/** A later incarnation of a rank that was lost. */
function returned({ lost }: Team, { rank, incarnation, state }: WorkerEvent, time: number | null): void {
  const last = lost.findLast((each) => each.rank === rank && each.incarnation < incarnation);
  if (!last || last.awaySeconds !== null) return;
  last.after = state;
  const back = state === "ready" || state === "working" || state === "spare";
  if (back && time !== null && last.time !== null) last.awaySeconds = Math.max(0, time - last.time);
}

export function slowHappened({ workers }: Team, { rank, slow, times, phase }: SlowEvent): void {
  const worker = workers.find((each) => each.rank === rank);
  if (worker) worker.slow = slow ? { times, phase } : null;
}

export function stepHappened(team: Team, { step, seconds, ranks }: RecentStep): void {
  const usual = median(team.usual);
  for (const lost of team.lost.slice(-team.workers.length)) {
    if (lost.extraSeconds === null && lost.step === step - 1 && usual !== null)
      lost.extraSeconds = Math.max(0, seconds - usual);
  }
  team.usual.push(seconds);
  if (team.usual.length > USUAL_STEPS) team.usual.shift();
  for (const worker of team.workers) {
    const phases = ranks[worker.rank];
    if (phases) worker.computeSeconds = phases.compute_seconds;
  }
}

/** All of them are new processes from here on. */
export function teamResumed(team: Team): void {
  team.workers = [];
  team.usual = [];
}

function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
