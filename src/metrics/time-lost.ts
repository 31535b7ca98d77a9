/** Where the time of a run goes beside computing: to which phase, and to which rank. Sums over steps. Pure. */
import type { HeldBack, HoldPhase, RankPhases, StepEvent } from "../events.js";
import { Sums } from "./sums.js";

/** A rank that has more than this part of what ranks lose is the slow one; else now one is, now another. */
const MAINLY = 0.6;
/** A rank that loses much in fewer of its steps than this stands still now and then; in more, it is slow. */
const OFTEN = 0.5;
/** What is much: this part of what the step would have taken otherwise. */
const MUCH = 0.5;
/** One long step takes away no more than this part of what is known from before. */
const AT_ONCE = 0.2;
/** Weight of the newest step in what a step usually takes. */
const SMOOTHING = 0.2;

type Part = NonNullable<HeldBack["part"]>;
const PARTS: readonly Part[] = ["wait", "input", "compute"];

/** What a step does not say of itself. */
export interface StepFacts {
  /** Workers that should share the step. */
  planned: number;
  /** Ranks that compiled in this step. */
  compiled: ReadonlySet<number>;
  /** A rank that was lost in this step. */
  lost: number | null;
  /** Between the step before and this one, beside what is told by events. */
  betweenSeconds: number;
}

export interface Loss {
  phase: HoldPhase;
  rank: number | null;
  part: Part | null;
  /** Of the time, 0 to 1. */
  share: number;
  /** Of a slow rank: only in some of its steps, as if it were stopped and woken. Of the coordinator: mostly between steps. */
  nowAndThen: boolean;
}

export class TimeLost {
  readonly #windowSeconds: number | null;
  readonly #sums = new Sums();
  readonly #ranks = new Set<number>();
  /** Whom the newest loss of a phase is due to. */
  readonly #blamed = new Map<HoldPhase, number | null>();
  #steps = 0;
  #stepSeconds: number | null = null;
  #workers = 1;
  /** What seconds of now count: a long evaluation or step is not to fill the window for long. */
  #weight = 1;
  /** Seconds that a shard usually takes; null before a step in which nothing was compiled. */
  #perShard: number | null = null;
  #last: StepEvent | null = null;

  /** `windowSeconds`: what is older fades away; null: nothing does. */
  constructor(windowSeconds: number | null) {
    this.#windowSeconds = windowSeconds;
  }

  get steps(): number {
    return this.#steps;
  }

  /** That a step usually takes; null before the first. */
  get stepSeconds(): number | null {
    return this.#stepSeconds;
  }

  /** Workers that share the newest step, or should. */
  get workers(): number {
    return this.#workers;
  }

  get last(): StepEvent | null {
    return this.#last;
  }

  /** Times as fast as one worker that does nothing but compute gradients, at the pace of the ranks that are not slow. */
  get speedup(): number {
    return this.#sums.get("ideal") / this.#sums.get("seconds");
  }

  /** What of the workers' time gives progress, 0 to 1. */
  get efficiency(): number {
    return this.#sums.get("ideal") / this.#sums.get("capacity");
  }

  evaluated(seconds: number): void {
    this.#spend(seconds);
    this.#add("evaluation", seconds);
  }

  step(event: StepEvent, { planned, compiled, lost, betweenSeconds }: StepFacts): void {
    const ranks = Object.entries(event.ranks).map(([rank, phases]) => ({ rank: Number(rank), ...phases }));
    if (ranks.length === 0) return;
    const { phases } = event;
    this.#steps++;
    this.#last = event;
    const before = this.#stepSeconds ?? event.duration_seconds;
    this.#stepSeconds = before + SMOOTHING * (event.duration_seconds - before);
    this.#workers = Math.max(planned, ranks.length);
    this.#spend(event.duration_seconds + event.checkpoint_wait_seconds + betweenSeconds);
    this.#sums.add("steps", 1);
    this.#add("checkpoint", event.checkpoint_wait_seconds);
    this.#add("between", betweenSeconds);
    this.#add("coordinator", phases.reduce_seconds + phases.update_seconds + phases.commit_seconds + betweenSeconds);
    this.#add("write", phases.write_seconds);

    const steady = ranks.filter(({ rank }) => !compiled.has(rank));
    if (steady.length > 0) this.#perShard = middle(steady.map((each) => each.compute_seconds / each.shards));
    const perShard = this.#perShard ?? 0;
    const shards = ranks.reduce((sum, each) => sum + each.shards, 0);
    this.#add("ideal", perShard * shards);
    this.#lose("workers", perShard * shards * (1 / ranks.length - 1 / this.#workers));

    const last = ranks.reduce((a, b) => (b.idle_seconds < a.idle_seconds ? b : a));
    this.#ranks.add(last.rank);
    this.#add("uneven-shards", Math.max(0, perShard * (last.shards - shards / ranks.length)));
    const longer = {
      wait: lost === null ? beyond(last, ranks, "wait_seconds") : 0,
      input: beyond(last, ranks, "input_seconds"),
      compute: Math.max(0, last.compute_seconds - perShard * last.shards),
    };
    if (lost === null) this.#add("wait", Math.max(0, phases.wait_seconds - longer.wait));
    else this.#lose("workers", phases.wait_seconds, lost);
    this.#add("input", Math.max(0, phases.input_seconds - longer.input));
    if (compiled.has(last.rank)) {
      this.#lose("compile", longer.compute, compiled.size >= ranks.length ? null : last.rank);
      longer.compute = 0;
    }
    for (const part of PARTS) this.#add(`${part} of ${last.rank}`, longer[part]);
    const more = longer.wait + longer.input + longer.compute;
    if (more > MUCH * (event.duration_seconds - more)) this.#sums.add(`often of ${last.rank}`, 1);
  }

  /** What takes most of the time; null when nothing takes any. */
  worst(): Loss | null {
    const sums = this.#sums;
    const of = (rank: number) => PARTS.reduce((sum, part) => sum + sums.get(`${part} of ${rank}`), 0);
    const ranks = [...this.#ranks].sort((a, b) => of(b) - of(a));
    const slowest = ranks[0];
    const mainly =
      slowest !== undefined && of(slowest) > MAINLY * ranks.reduce((sum, rank) => sum + of(rank), 0) ? slowest : null;
    const others = (part: Part) =>
      ranks.filter((rank) => rank !== mainly).reduce((sum, rank) => sum + sums.get(`${part} of ${rank}`), 0);
    const lost: Record<HoldPhase, number> = {
      wait: sums.get("wait") + others("wait"),
      input: sums.get("input") + others("input"),
      "slow-rank": mainly === null ? others("compute") : of(mainly),
      "uneven-shards": sums.get("uneven-shards"),
      write: sums.get("write"),
      coordinator: sums.get("coordinator"),
      checkpoint: sums.get("checkpoint"),
      evaluation: sums.get("evaluation"),
      compile: sums.get("compile"),
      workers: sums.get("workers"),
    };
    const [phase, seconds] = (Object.entries(lost) as [HoldPhase, number][]).reduce((a, b) => (b[1] > a[1] ? b : a));
    if (seconds <= 0) return null;
    const share = Math.min(1, seconds / sums.get("seconds"));
    if (phase !== "slow-rank")
      return {
        phase,
        rank: this.#blamed.get(phase) ?? null,
        part: null,
        share,
        nowAndThen: phase === "coordinator" && sums.get("between") > seconds / 2,
      };
    if (mainly === null) return { phase, rank: null, part: null, share, nowAndThen: false };
    const part = PARTS.reduce((a, b) => (sums.get(`${b} of ${mainly}`) > sums.get(`${a} of ${mainly}`) ? b : a));
    const nowAndThen = sums.get(`often of ${mainly}`) < OFTEN * sums.get("steps");
    return { phase, rank: mainly, part, share, nowAndThen };
  }

  #lose(phase: HoldPhase, seconds: number, rank?: number | null): void {
    this.#add(phase, seconds);
    if (rank !== undefined && seconds > 0) this.#blamed.set(phase, rank);
  }

  #add(name: string, seconds: number): void {
    this.#sums.add(name, seconds * this.#weight);
  }

  #spend(seconds: number): void {
    const window = this.#windowSeconds;
    if (window !== null) this.#sums.fade(Math.exp(-Math.min(AT_ONCE, seconds / window)));
    this.#weight = window === null ? 1 : Math.min(1, window / Math.max(seconds, 1e-9));
    this.#add("seconds", seconds);
    this.#add("capacity", seconds * this.#workers);
  }
}

/** What a rank took longer than is usual among all. */
function beyond(rank: RankPhases, ranks: readonly RankPhases[], phase: "wait_seconds" | "input_seconds"): number {
  return Math.max(0, rank[phase] - middle(ranks.map((each) => each[phase])));
}

/** The median; of an even number, the lower of the two in the middle: of two ranks, the quicker one is taken for healthy. */
function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)]!;
}
