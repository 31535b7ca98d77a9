/** What a run's records (metrics.jsonl) come to, line by line. Plain data, so that it can be kept as JSON. Pure. */
import type { RunEvent } from "../events.js";

export interface Records {
  started: number | null;
  updated: number | null;
  /** Of processes that have ended. */
  seconds: number;
  /** Of the newest process: when its plan came, and the time of its steps and evaluations. */
  life: { since: number | null; seconds: number } | null;
  step: number;
  steps: number | null;
  stepsPerEpoch: number | null;
  loss: number | null;
  accuracy: number | null;
  bestAccuracy: number | null;
  samples: number;
  stepSeconds: number;
  workers: number | null;
  recipeSha256: string | null;
  weightsSha256: string | null;
  heldBack: string | null;
  pageUrl: string | null;
  /** How the newest process ended, as far as it told. */
  end: "done" | "stopped" | "failed" | null;
  failure: string | null;
  /** Lines that are no event. */
  damaged: number;
}

export const noRecords = (): Records => ({
  started: null,
  updated: null,
  seconds: 0,
  life: null,
  step: 0,
  steps: null,
  stepsPerEpoch: null,
  loss: null,
  accuracy: null,
  bestAccuracy: null,
  samples: 0,
  stepSeconds: 0,
  workers: null,
  recipeSha256: null,
  weightsSha256: null,
  heldBack: null,
  pageUrl: null,
  end: null,
  failure: null,
  damaged: 0,
});

/**
 * The head of a step's line as it is written. Most of a run's records are steps, and of a step only its head and its time are of
 * interest: to parse all of each would take ten times as long.
 */
const STEP =
  /^\{"event":"step","step":(\d+),"epoch":\d+,"loss":([\d.eE+-]+),"accuracy":[^,]+,"lr":[^,]+,"gradient_norm":[^,]+,"samples":(\d+),"duration_seconds":([\d.eE+-]+),/;
const TIME = /"time":([\d.]+)\}$/;
/** A step's head is within so many characters, and its time within so many at the end. */
const HEAD = 400;
const TAIL = 40;

/** One line without its newline; null: one that was too long to be read. Changes `records`. */
export function addLine(records: Records, line: Buffer | null): void {
  if (line === null) {
    records.damaged++;
    return;
  }
  if (line.length === 0) return;
  const head = line.toString("latin1", 0, HEAD);
  const values = STEP.exec(head)?.slice(1).map(Number);
  if (!values?.every(Number.isFinite)) return addParsed(records, line);
  const [step, loss, samples, seconds] = values as [number, number, number, number];
  addStep(records, { step, loss, samples, duration_seconds: seconds });
  addTime(records, Number(TIME.exec(line.toString("latin1", Math.max(0, line.length - TAIL)))?.[1]));
}

function addParsed(records: Records, line: Buffer): void {
  try {
    const event = JSON.parse(line.toString()) as RunEvent & { time?: unknown };
    if (typeof event !== "object" || event === null || typeof event.event !== "string") throw new Error("no event");
    addEvent(records, event);
    addTime(records, event.time);
  } catch {
    records.damaged++;
  }
}

/** A line of another version may lack what is read here: then it throws, and counts as damaged. */
function addEvent(records: Records, event: RunEvent): void {
  switch (event.event) {
    case "plan":
      records.seconds += lifeSeconds(records);
      Object.assign(records, {
        life: { since: null, seconds: 0 },
        steps: numberOr(event.steps),
        stepsPerEpoch: numberOr(event.steps_per_epoch),
        workers: numberOr(event.workers),
        recipeSha256: textOr(event.recipe_sha256),
        pageUrl: textOr(event.page_url),
        weightsSha256: null,
        heldBack: null,
        end: null,
        failure: null,
      } satisfies Partial<Records>);
      return;
    case "step":
      return addStep(records, {
        step: needed(event.step),
        loss: numberOr(event.loss),
        samples: needed(event.samples),
        duration_seconds: needed(event.duration_seconds),
      });
    case "rollback":
      records.step = needed(event.step);
      return;
    case "eval":
      records.accuracy = numberOr(event.accuracy);
      if (records.accuracy !== null) records.bestAccuracy = Math.max(records.bestAccuracy ?? 0, records.accuracy);
      if (records.life) records.life.seconds += numberOr(event.duration_seconds) ?? 0;
      return;
    case "log":
      if (event.level !== "error") return;
      records.end = "failed";
      records.failure = textOr(event.message);
      return;
    case "done":
    case "stopped":
      records.step = needed(event.step);
      records.end = event.event;
      records.recipeSha256 = textOr(event.recipe_sha256) ?? records.recipeSha256;
      records.weightsSha256 = textOr(event.weights_sha256);
      records.heldBack = textOr(event.held_back);
      if (records.life) records.life = { since: null, seconds: needed(event.duration_seconds) };
  }
}

function addStep(
  records: Records,
  step: { step: number; loss: number | null; samples: number; duration_seconds: number },
): void {
  records.step = step.step;
  records.loss = step.loss;
  records.samples += step.samples;
  records.stepSeconds += step.duration_seconds;
  if (records.life) records.life.seconds += step.duration_seconds;
}

function addTime(records: Records, time: unknown): void {
  if (typeof time !== "number" || !Number.isFinite(time)) return;
  records.started ??= time;
  records.updated = time;
  if (records.life && records.end !== "done" && records.end !== "stopped") records.life.since ??= time;
}

/** By its times, where they are written down. */
function lifeSeconds({ life, updated }: Records): number {
  if (!life) return 0;
  return life.since === null || updated === null ? life.seconds : updated - life.since;
}

/** Over all processes of the run; null before the first. */
export function secondsOf(records: Records): number | null {
  return records.life === null && records.seconds === 0 ? null : records.seconds + lifeSeconds(records);
}

const numberOr = (value: unknown) => (typeof value === "number" && Number.isFinite(value) ? value : null);
/** Throws where it is none. */
function needed(value: unknown): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new Error("no number");
  return value;
}
const textOr = (value: unknown) => (typeof value === "string" ? value : null);
