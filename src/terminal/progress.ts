/** What is known of a running training, and how it is drawn: events in, lines out. Pure; time is an argument. */
import { dirname } from "node:path";
import {
  type DoneEvent,
  type EvalEvent,
  type HeldBack,
  type NodeEvent,
  type NotStartedEvent,
  type PlanEvent,
  placeOf,
  type RunEvent,
  type SlowEvent,
  type StepEvent,
  type WorkerEvent,
  type WorkerState,
} from "../events.js";
import { bytes, count, plural } from "../format.js";
import { bar, duration, fit, rate, wrap } from "./format.js";
import { appended, type Curve, NO_CURVE, sparkline } from "./sparkline.js";

interface WorkerLine {
  /** In a run over several machines. */
  node?: number;
  device: string;
  state: WorkerState;
  detail: string;
  seconds: number | null;
}

export interface Progress {
  plan: PlanEvent | null;
  step: StepEvent | null;
  evaluation: EvalEvent | null;
  workers: ReadonlyMap<number, WorkerLine>;
  /** Images a second, smoothed. */
  speed: number | null;
  /** The newest on disk. */
  checkpoint: string | null;
  /** Of the steps since this process began. */
  losses: Curve;
  /** What holds the run back now. */
  heldBack: HeldBack | null;
}

export const NO_PROGRESS: Progress = {
  plan: null,
  step: null,
  evaluation: null,
  workers: new Map(),
  speed: null,
  checkpoint: null,
  losses: NO_CURVE,
  heldBack: null,
};

/** Weight of the newest step in the smoothed speed. */
const SMOOTHING = 0.1;

export function advance(progress: Progress, event: RunEvent): Progress {
  switch (event.event) {
    case "plan":
      return { ...progress, plan: event, checkpoint: event.resumed_from };
    case "checkpoint":
      return { ...progress, checkpoint: event.path };
    case "eval":
      return { ...progress, evaluation: event };
    case "worker": {
      const seconds = progress.workers.get(event.rank)?.seconds ?? null;
      const { node, device, state, detail = "" } = event;
      const line = { ...(node === undefined ? {} : { node }), device, state, detail, seconds };
      return { ...progress, workers: new Map(progress.workers).set(event.rank, line) };
    }
    case "step": {
      const workers = new Map(progress.workers);
      for (const [rank, seconds] of Object.entries(event.worker_seconds)) {
        const line = workers.get(Number(rank));
        if (line) workers.set(Number(rank), { ...line, seconds });
      }
      const speed =
        progress.speed === null
          ? event.samples_per_second
          : progress.speed + SMOOTHING * (event.samples_per_second - progress.speed);
      return { ...progress, step: event, workers, speed, losses: appended(progress.losses, event.loss) };
    }
    default:
      return progress;
  }
}

/** Lines that what holds the run back may take; in narrow terminals the advice at its end is cut. */
const HELD_BACK_LINES = 4;

/**
 * One line a worker, what holds the run back, then the bar and the numbers. Short terminals lose the end of each line,
 * never its beginning.
 */
export function liveLines(progress: Progress, width: number): string[] {
  const workers = [...progress.workers]
    .sort(([a], [b]) => a - b)
    .map(([rank, line]) => fit(workerLine(rank, line), width));
  if (!progress.plan) return workers;
  const { place, numbers } = parts(progress);
  const barWidth = Math.min(24, Math.max(6, Math.floor(width / 5)));
  const curve = sparkline(progress.losses, barWidth);
  if (curve !== "") numbers.push(curve);
  const lines = [`${bar(place.share, barWidth)} ${place.words.join(" · ")}`, numbers.join(" · ")]
    .filter((line) => line !== "")
    .map((line) => `  ${line}`);
  return [...workers, ...heldBackLines(progress, width), ...lines.map((line) => fit(line, width))];
}

function heldBackLines({ heldBack }: Progress, width: number): string[] {
  if (heldBack === null) return [];
  const lines = wrap(heldBack.text, width - 4).map((line, index) =>
    fit(`  ${index === 0 ? "> " : "  "}${line}`, width),
  );
  if (lines.length <= HELD_BACK_LINES) return lines;
  const last = lines[HELD_BACK_LINES - 1]!;
  return [...lines.slice(0, HELD_BACK_LINES - 1), `${last.slice(0, width - 1)}…`];
}

function workerLine(rank: number, { node, device, state, detail, seconds }: WorkerLine): string {
  const doing =
    state === "working" && seconds !== null
      ? `${(seconds * 1000).toFixed(seconds < 0.01 ? 1 : 0)} ms a step`
      : state === "working"
        ? ""
        : detail;
  return `  ${node === undefined ? "" : `node ${node}  `}rank ${rank}  ${device}  ${state.padEnd(8)} ${doing}`.trimEnd();
}

/** Everything in one line, where there is no terminal. */
export function progressLine(progress: Progress): string {
  const { place, numbers } = parts(progress);
  return `  ${[...place.words, ...numbers].join(" · ")}`;
}

/** How far the run is, and how well it does. Needs the plan. */
function parts({ plan, step, evaluation, speed, heldBack }: Progress): {
  place: { share: number; words: string[] };
  numbers: string[];
} {
  const { steps: total, start_step, batch_size } = plan!;
  const done = step?.step ?? start_step;
  const share = done / total;
  const words = [`${Math.floor(100 * share)}%`, `step ${count(done)}/${count(total)}`];
  if (speed !== null) words.push(`ETA ${duration(((total - done) * batch_size) / speed)}`);
  const numbers = step
    ? [`loss ${step.loss.toFixed(4)}`, `accuracy ${step.accuracy.toFixed(3)}`]
    : heldBack === null
      ? ["waiting for the workers"]
      : [];
  if (speed !== null) numbers.push(rate(speed));
  if (evaluation) numbers.push(`test ${evaluation.accuracy.toFixed(4)}`);
  return { place: { share, words }, numbers };
}

/** A sentence for what is worth one; null for the rest. */
export function sentence(event: RunEvent): string | null {
  switch (event.event) {
    case "eval":
      return `epoch ${event.epoch + 1}: test loss ${event.loss.toFixed(4)}, accuracy ${event.accuracy.toFixed(4)}${event.weights === "ema" ? " of the moving average" : ""}${event.best ? " (best so far)" : ""}`;
    case "checkpoint":
      return `step ${count(event.step)} saved: ${event.path}`;
    case "pictures": {
      const [first] = event.pictures;
      return first ? `step ${count(event.step)} drawn: ${dirname(first.file)}/` : null;
    }
    case "slow":
      return slowSentence(event);
    case "rollback":
      return `${event.reason}: going back from step ${count(event.from_step)} to step ${count(event.step)}; the steps since then are done again, with the same result`;
    case "worker":
    case "node":
      return becameOf(event);
    case "log":
      // An error ends the run, and is printed at its end.
      return event.level === "error" ? null : event.message;
    default:
      return null;
  }
}

/** A worker that was lost with its node is told of with it. */
function becameOf(event: WorkerEvent | NodeEvent): string | null {
  const { state, detail, reassigned, reason } = event;
  const who = whoOf(event);
  if (state === "lost" && reason !== "node")
    return `${who} is lost: ${detail} (${placeOf(event)})${reassigned ? `; the others compute its ${plural(reassigned, "shard")} in the same step` : ""}`;
  if (state === "refused") return `${who} was refused: ${detail}`;
  if (state === "ready" && event.event === "node")
    return `${who} (${event.host}) takes part with ${plural(event.workers, "worker")}`;
  return null;
}

function whoOf(event: WorkerEvent | NodeEvent): string {
  if (event.event === "node") return `node ${event.node}`;
  return event.node === undefined ? `rank ${event.rank}` : `rank ${event.rank} of node ${event.node}`;
}

const SLOW_IN: Readonly<Record<SlowEvent["phase"], string>> = {
  wait: "waiting for work and weights: look at the network",
  input: "preparing images: look at its disk",
  compute: "computing: look at what else runs on its cores, or at its machine",
};

function slowSentence({ rank, slow, times, shard_seconds, peers_seconds, phase }: SlowEvent): string {
  if (!slow) return `rank ${rank} has recovered: it takes as long for a shard as the others`;
  const ms = (seconds: number) => `${Math.round(seconds * 1000)} ms`;
  return `rank ${rank} is slow: it takes ${times.toFixed(1)} times as long for a shard as the others (${ms(shard_seconds)}, they ${ms(peers_seconds)}), most of it in ${SLOW_IN[phase]}`;
}

/** The closing summary, for stdout. */
export function summaryLines(done: DoneEvent | NotStartedEvent): string[] {
  const end = `${done.event === "done" ? "done" : "stopped"} ${done.step === 0 ? "before the first step" : `after step ${count(done.step)}`}`;
  const speed = done.samples_per_second > 0 ? `, ${rate(done.samples_per_second)}` : "";
  const lines = [`${end}, ${duration(done.duration_seconds)}${speed}`];
  if (done.loss !== null) lines.push(`loss        ${done.loss.toFixed(4)}`);
  if (done.accuracy !== null) {
    const best = done.best_accuracy ?? 0;
    lines.push(
      `accuracy    ${done.accuracy.toFixed(4)} on the test set${best > done.accuracy ? ` (best ${best.toFixed(4)})` : ""}`,
    );
  }
  if (done.weights_sha256 !== null) lines.push(`weights     ${done.weights_sha256}`);
  if (done.ema_sha256 !== null) lines.push(`average     ${done.ema_sha256}`);
  if (done.recipe_sha256 !== null) lines.push(`recipe      ${done.recipe_sha256}`);
  lines.push(`checkpoint  ${done.checkpoint ?? "none: nothing was trained yet"}`);
  for (const [node, { in: came, out: went }] of Object.entries("node_bytes" in done ? (done.node_bytes ?? {}) : {}))
    lines.push(`node ${node.padEnd(7)}${bytes(came)} from it and ${bytes(went)} to it a step`);
  if (done.held_back !== null) lines.push(`speed       ${done.held_back}`);
  if (done.resume_command !== null) lines.push(`resume      ${done.resume_command}`);
  return lines;
}
