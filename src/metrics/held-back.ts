/** What holds a run back: over all of it, and now. Events and times in, one sentence out. Pure; times are milliseconds of one clock. */
import type { Bottleneck, HeldBack, PlanEvent, RunEvent, WaitingEvent, WorkerEvent } from "../events.js";
import {
  compiling,
  type Doing,
  type Evaluations,
  evaluating,
  joining,
  notEnough,
  nothing,
  restarting,
  saving,
  silent,
  stalled,
  told,
} from "./held-back-words.js";
import { type StepFacts, TimeLost } from "./time-lost.js";

/** "Now": older steps fade away, and count for a third after so long. */
const NOW_SECONDS = 15;
/** Below this part of what so many workers could do at best, it is worth a sentence: two workers, 1.5 times as fast as one. */
const WORTH_TELLING = 0.75;
/** Fewer steps than this say nothing of a run, and of this moment. */
const ENOUGH_STEPS = 10;
const ENOUGH_STEPS_NOW = 5;
/** Without a step for so long, and for so many times of what a step takes, there is something to wait for. */
const STALLED_SECONDS = 2;
const STALLED_STEPS = 4;
/** A worker gives a sign of life each second. */
const SILENT_SECONDS = 2.5;

interface Worker extends Doing {
  incarnation: number;
  state: WorkerEvent["state"];
  /** Its last sign of life; null before the first. */
  heardMs: number | null;
}

/** Seconds that an earlier run like this one waited for its workers, and for its first step; null: none is known. */
export interface Waits {
  join: number | null;
  compile: number | null;
}
export const NO_WAITS: Waits = { join: null, compile: null };

export class HeldBackWatch {
  readonly #waitsOf: (plan: PlanEvent) => Waits;
  readonly #whole = new TimeLost(null);
  readonly #recent = new TimeLost(NOW_SECONDS);
  readonly #workers = new Map<number, Worker>();
  /** Ranks that have not computed a step yet: each compiles it in its first one. */
  readonly #fresh = new Set<number>();
  /** Images of steps that were compiled: an epoch's last batch may be a shorter one. */
  readonly #batches = new Set<number>();
  /** Why a rank was lost last. */
  readonly #why = new Map<number, string>();
  #plan: PlanEvent | null = null;
  /** When the last step, or what comes between two, was over. */
  #sinceMs = 0;
  #waitingFor: WaitingEvent["for"] | null = null;
  #lost: number | null = null;
  /** When the newest worker became ready. */
  #readyMs = 0;
  /** Of those that there were. */
  #evaluations: Evaluations = "end";
  #over = false;
  #earlier = NO_WAITS;
  #waited: { join: number; compile: number } | null = null;

  /** `waitsOf`: what earlier runs of that plan waited. */
  constructor(waitsOf: (plan: PlanEvent) => Waits = () => NO_WAITS) {
    this.#waitsOf = waitsOf;
  }

  /** What this run waited; null before its first step. */
  get waited(): { join: number; compile: number } | null {
    return this.#waited;
  }

  observe(event: RunEvent, nowMs: number): void {
    switch (event.event) {
      case "plan":
        this.#plan = event;
        this.#earlier = this.#waitsOf(event);
        this.#sinceMs = nowMs;
        return;
      case "worker":
        return this.#worker(event, nowMs);
      case "heartbeat": {
        const worker = this.#workers.get(event.rank);
        if (worker) worker.heardMs = nowMs;
        return;
      }
      case "waiting":
        this.#waitingFor = event.for;
        // What the next step waits for those that are missing, it waits for the one that was lost last.
        if (event.for === "workers") this.#lost ??= [...this.#why.keys()].at(-1) ?? null;
        return;
      case "step":
        return this.#step(event, nowMs);
      case "eval":
        for (const lost of [this.#whole, this.#recent]) lost.evaluated(event.duration_seconds);
        if (this.#evaluations === "end") this.#evaluations = this.#evaluationsAt(event.step);
        return this.#begin(nowMs);
      case "rollback":
        return this.#begin(nowMs);
      case "done":
      case "stopped":
        this.#over = true;
    }
  }

  /** What held the whole run back, and the sentence, which may be that nothing did; nulls: too short to tell. */
  whole(): { bottleneck: Bottleneck | null; text: string | null } {
    const lost = this.#whole;
    if (lost.steps < ENOUGH_STEPS) return { bottleneck: null, text: null };
    const { speedup } = lost;
    const worst = lost.efficiency < WORTH_TELLING ? lost.worst() : null;
    if (worst === null) return { bottleneck: null, text: nothing(lost).text };
    const { workers } = lost;
    const speed =
      workers === 1
        ? `one worker computes gradients ${Math.round(100 * speedup)}% of the time`
        : `${workers} workers are ${speedup.toFixed(1)} times as fast as one that does nothing but compute gradients`;
    const { text, ...rest } = told(worst, lost, this.#known);
    const bottleneck = { ...rest, phase: worst.phase, speedup, text: `${speed}: ${text}` };
    return { bottleneck, text: bottleneck.text };
  }

  /** Null before the plan and after the end. */
  now(nowMs: number): HeldBack | null {
    if (this.#plan === null || this.#over) return null;
    const lost = this.#recent;
    const seconds = (nowMs - this.#sinceMs) / 1000;
    if (lost.steps === 0) return this.#beforeFirst(this.#plan, nowMs);
    const usual = lost.stepSeconds ?? 0;
    if (seconds > Math.max(STALLED_SECONDS, STALLED_STEPS * usual)) return this.#stalled(nowMs, seconds, usual);
    if (lost.steps < ENOUGH_STEPS_NOW) return notEnough(lost.steps);
    const worst = lost.efficiency < WORTH_TELLING ? lost.worst() : null;
    return worst === null ? nothing(lost) : told(worst, lost, this.#known);
  }

  #beforeFirst(plan: PlanEvent, nowMs: number): HeldBack {
    const seconds = (nowMs - this.#sinceMs) / 1000;
    const coming = this.#those(({ state }) => state === "starting" || state === "joining" || state === "tracing");
    const able = this.#those(({ state }) => state === "ready" || state === "working" || state === "spare");
    const missing = Math.max(coming.length, plan.workers - able.length);
    return missing > 0
      ? joining(missing, coming, seconds, this.#earlier.join)
      : compiling(null, (nowMs - this.#readyMs) / 1000, this.#earlier.compile);
  }

  #stalled(nowMs: number, seconds: number, usual: number): HeldBack {
    const { step } = this.#recent.last!;
    if (this.#waitingFor === "evaluation")
      return evaluating(this.#plan!.dataset.test, seconds, this.#evaluationsAt(step));
    if (this.#waitingFor === "checkpoint") return saving(seconds);
    const gone = this.#those(({ state }) => state === "lost");
    const coming = this.#those(({ state }) => state === "starting" || state === "joining" || state === "tracing");
    const able = this.#those(({ state }) => state === "ready" || state === "working");
    if (able.length === 0 || this.#waitingFor === "workers")
      return restarting(able.length, [...gone, ...coming], seconds);
    const quiet = able
      .map((worker) => ({ ...worker, seconds: (nowMs - (worker.heardMs ?? nowMs)) / 1000 }))
      .sort((a, b) => b.seconds - a.seconds)[0]!;
    if (this.#fresh.has(quiet.rank)) return compiling(quiet.rank, seconds);
    if (quiet.seconds > SILENT_SECONDS) return silent(quiet.rank, quiet.seconds);
    const fresh = able.find(({ rank }) => this.#fresh.has(rank));
    return fresh ? compiling(fresh.rank, seconds) : stalled(step + 1, seconds, usual);
  }

  /** Why there is an evaluation after that step: it is at the end whatever the placement says. */
  #evaluationsAt(step: number): Evaluations {
    if (this.#plan === null || step >= this.#plan.steps) return "end";
    return this.#plan.recipe.lrScheduler === "plateau" ? "plateau" : "asked";
  }

  get #known() {
    return { lost: this.#why, evaluations: this.#evaluations };
  }

  #those(are: (worker: Worker) => boolean): Worker[] {
    return [...this.#workers.values()].filter(are).sort((a, b) => a.rank - b.rank);
  }

  #worker({ rank, incarnation, state, detail = "" }: WorkerEvent, nowMs: number): void {
    if (state === "ready") this.#readyMs = nowMs;
    const before = this.#workers.get(rank);
    if (before?.incarnation !== incarnation) this.#fresh.add(rank);
    if (state === "lost") {
      this.#lost = rank;
      this.#why.delete(rank); // the newest comes last
      this.#why.set(rank, detail.split("\n")[0]!);
    }
    const heardMs = before?.incarnation === incarnation ? before.heardMs : null;
    const doing = state === "tracing" ? detail : state;
    this.#workers.set(rank, { rank, incarnation, state, doing, detail, heardMs });
  }

  #step(event: Extract<RunEvent, { event: "step" }>, nowMs: number): void {
    const first = this.#batches.size === 0;
    const ranks = Object.keys(event.ranks).map(Number);
    const newBatch = !this.#batches.has(event.samples);
    if (first) {
      const compile = event.duration_seconds;
      this.#waited = { join: Math.max(0, (nowMs - this.#sinceMs) / 1000 - compile), compile };
    }
    const accounted = event.duration_seconds + event.checkpoint_wait_seconds;
    const facts: StepFacts = {
      planned: this.#plan === null ? ranks.length : Math.min(this.#plan.workers, this.#plan.shards),
      compiled: newBatch ? new Set(ranks) : this.#fresh,
      lost: this.#lost,
      betweenSeconds: first ? 0 : Math.max(0, (nowMs - this.#sinceMs) / 1000 - accounted),
    };
    if (!first) this.#whole.step(event, facts);
    this.#recent.step(event, facts);
    this.#batches.add(event.samples);
    for (const rank of ranks) this.#fresh.delete(rank);
    this.#lost = null;
    this.#begin(nowMs);
  }

  #begin(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#waitingFor = null;
  }
}
