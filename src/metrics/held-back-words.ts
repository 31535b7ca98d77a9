/** The sentences that say what holds a run back, each with what to do. Pure. */
import type { HeldBack, HoldPhase } from "../events.js";
import { count, plural } from "../format.js";
import type { Loss, TimeLost } from "./time-lost.js";

/** What a worker is doing, in a few words. */
export interface Doing {
  rank: number;
  doing: string;
  detail: string;
}

/** Workers that are named one by one. */
const NAMED = 4;

type Sums = Pick<TimeLost, "workers" | "last" | "speedup">;

/**
 * Why there are evaluations: the placement asks for them after epochs; the learning rate's schedule needs one after each;
 * or it is only the one at the end.
 */
export type Evaluations = "asked" | "plateau" | "end";

/** What is known beside the sums. */
interface Known {
  /** Why ranks were lost, in words. */
  lost: ReadonlyMap<number, string>;
  evaluations: Evaluations;
}

export function told(loss: Loss, sums: Sums, known: Known): HeldBack {
  const { phase, rank, part, share } = loss;
  return { phase, rank, part, share, text: cause(loss, sums, `${Math.round(100 * share)}% of the time`, known) };
}

export function nothing({ workers, speedup }: Sums): HeldBack {
  const speed =
    workers === 1
      ? `the worker computes gradients ${Math.round(100 * Math.min(1, speedup))}% of the time`
      : `${workers} workers are ${speedup.toFixed(1)} times as fast as one that does nothing but compute gradients`;
  return { ...NOTHING, text: `nothing holds it back: ${speed}.` };
}

export function notEnough(steps: number): HeldBack {
  return { ...NOTHING, text: `too early to tell what holds it back: ${plural(steps, "step")} so far.` };
}

export function joining(missing: number, coming: readonly Doing[], seconds: number, earlier: number | null): HeldBack {
  const who =
    coming.length === 0
      ? `none of them has come yet. On another machine they are started by 'cnn-dist worker --connect tcp://HOST:PORT'.`
      : `${list(coming.map(({ rank, doing }) => `rank ${rank} (${doing})`))}.`;
  return waiting("workers", `waiting for ${plural(missing, "worker")}${since(seconds, earlier)}: ${who}`);
}

/** `able`: workers that are there; with --min-workers they may be too few. */
export function restarting(able: number, those: readonly Doing[], seconds: number): HeldBack {
  const who = list(those.map(({ rank, doing, detail }) => `rank ${rank} (${doing === "lost" ? detail : doing})`));
  const rank = those.length === 1 ? those[0]!.rank : null;
  const what =
    able === 0
      ? `no worker is there${since(seconds)}; it goes on when one is back`
      : `the training waits for workers${since(seconds)}: ${able} ${able === 1 ? "is" : "are"} there, and --min-workers asks for more`;
  return waiting("workers", `${what}${who === "" ? "" : `: ${who}`}.`, rank);
}

export function compiling(rank: number | null, seconds: number, earlier: number | null = null): HeldBack {
  const who =
    rank === null ? "each worker compiles its first step" : `rank ${rank} is back and compiles its first step`;
  return waiting("compile", `${who}${since(seconds, earlier)}: once, and the steps after it are quicker.`, rank);
}

export function evaluating(images: number, seconds: number, evaluations: Evaluations): HeldBack {
  return waiting("evaluation", `evaluation on ${plural(images, "test image")}${since(seconds)}. ${RARER[evaluations]}`);
}

export function saving(seconds: number): HeldBack {
  return waiting(
    "checkpoint",
    `the training waits for a checkpoint to be written${since(seconds)}. Choose a faster disk (--run-dir).`,
  );
}

export function silent(rank: number, seconds: number): HeldBack {
  return waiting(
    "slow-rank",
    `rank ${rank} has given no sign of life for ${whole(seconds)}, and the step waits for it: it is stopped, its machine is suspended, or its core is taken. It is replaced after --heartbeat-timeout.`,
    rank,
  );
}

export function stalled(step: number, seconds: number, usual: number): HeldBack {
  return {
    ...NOTHING,
    text: `step ${count(step)} goes on${since(seconds)}, where one usually takes ${usual < 1 ? `${Math.round(1000 * usual)} ms` : whole(usual)}; its workers are alive. Look at the logs of the ranks, in the run's folder.`,
  };
}

const RARER: Readonly<Record<Evaluations, string>> = {
  asked: "--evaluate-every-epochs makes it rarer.",
  plateau: "--lr-scheduler plateau needs one after each epoch.",
  end: "It is the one at the end of the run.",
};

const NOTHING = { phase: null, rank: null, part: null, share: 0 } as const;

/** It takes all of this moment. */
function waiting(phase: HoldPhase, text: string, rank: number | null = null): HeldBack {
  return { phase, rank, part: null, share: 1, text };
}

const whole = (seconds: number) => `${Math.round(seconds)} s`;
/** `earlier`: how long it took in an earlier run. */
function since(seconds: number, earlier: number | null = null): string {
  const before = earlier === null || earlier < 1 ? "" : ` (${whole(earlier)} the last time)`;
  return seconds < 1 ? "" : `, for ${whole(seconds)} so far${before}`;
}

function list(names: readonly string[]): string {
  const more = names.length - NAMED;
  return more > 0 ? `${names.slice(0, NAMED).join(", ")} and ${more} more` : names.join(", ");
}

function cause(loss: Loss, sums: Sums, share: string, { lost, evaluations }: Known): string {
  const one = sums.workers === 1;
  const wait = one ? "the worker waits" : "the workers wait";
  switch (loss.phase) {
    case "wait":
      return `${wait} ${share} for the next step's work and weights. A larger --batch-size makes fewer steps; with workers of other hosts, look at the network.`;
    case "input":
      return `reading and preparing images takes ${share}. Look at the disk, the size of the images and the augmentation.`;
    case "slow-rank":
      return slowRank(loss, share);
    case "uneven-shards":
      return `the shards of a step (${shardsOf(sums)}) cannot be divided evenly among the workers, and so they wait for one another ${share}. A number of --shards that can makes them faster, and is another recipe.`;
    case "write":
      return `gradients are on their way to the coordinator ${share}, after all of them were computed. With workers of other hosts, look at the network.`;
    case "coordinator":
      return loss.nowAndThen
        ? `the coordinator is busy ${share} between one step and the next. Look at what else runs on its core, and at the disk that the run's folder is on.`
        : `the coordinator adds gradients and updates weights ${share} while ${wait}. A larger --batch-size makes fewer steps.`;
    case "checkpoint":
      return `the training waits ${share} for checkpoints to be written: the one of an epoch's end waits for the one before. Choose a faster disk (--run-dir).`;
    case "evaluation":
      return `evaluation takes ${share}. ${RARER[evaluations]}`;
    case "compile":
      return loss.rank === null
        ? `compiling the step takes ${share}: once for each size of a batch, and the steps after it are quicker.`
        : `rank ${loss.rank} compiled its first step since it is back, which took ${share}. It does so once.`;
    case "workers":
      return missing(loss, share, loss.rank === null ? "" : (lost.get(loss.rank) ?? ""));
  }
}

function slowRank({ rank, part, nowAndThen }: Loss, share: string): string {
  if (rank === null)
    return `the workers wait for one another ${share}: now one is the slowest, now another. Look at what else runs on their cores.`;
  const others = `the others, which wait for it ${share}`;
  if (nowAndThen)
    return `rank ${rank} stands still now and then, as if it were stopped and woken, and the others wait for it ${share}. Look at what takes its cores in turns, or suspends its machine.`;
  switch (part) {
    case "input":
      return `rank ${rank} reads and prepares its images more slowly than ${others}. Look at the disk of its machine, and at what else runs on its cores.`;
    case "wait":
      return `rank ${rank} begins later than ${others}: its work and weights reach it late. Look at its network, and at what else runs on its cores.`;
    default:
      return `rank ${rank} is slower than ${others}. Look at what else runs on its cores, or at its machine.`;
  }
}

function missing({ rank }: Loss, share: string, why: string): string {
  if (rank === null)
    return `workers are missing, which costs ${share}: fewer than were planned share the steps. Start more, or look at the logs of the ranks.`;
  return `rank ${rank} was lost, which costs ${share}: the others wait or do its work until it is back${why === "" ? "" : ` (${why})`}. Its log tells why it ended.`;
}

function shardsOf({ last }: Sums): string {
  const ranks = Object.values(last?.ranks ?? {});
  const all = ranks.reduce((sum, { shards }) => sum + shards, 0);
  return `${plural(all, "shard")}, ${plural(ranks.length, "worker")}`;
}
