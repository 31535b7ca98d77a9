/**
 * Lines of a run's records (metrics.jsonl) as events of its page. Another version may have written them, or a person: an event
 * that lacks something that the page reads is left out, so that one strange line does not take the whole page. Pure.
 */
import type { RunEvent } from "../events.js";
import { PHASES } from "./state/curves.js";
import { type Entry, pageEvent } from "./state/page-event.js";

type Fields = Readonly<Record<string, unknown>>;
type Check = (event: Fields) => boolean;

const isNumber = (value: unknown) => typeof value === "number" && Number.isFinite(value);
const isText = (value: unknown) => typeof value === "string";
const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const numbers = (of: unknown, ...names: string[]) => isFields(of) && names.every((name) => isNumber(of[name]));
const texts = (of: unknown, ...names: string[]) => isFields(of) && names.every((name) => isText(of[name]));
/** Each absent, null or a text. */
const maybeTexts = (of: Fields, ...names: string[]) => names.every((name) => of[name] == null || isText(of[name]));
const maybeNumbers = (of: Fields, ...names: string[]) => names.every((name) => of[name] == null || isNumber(of[name]));
const listOf = (value: unknown, each: (item: unknown) => boolean) => Array.isArray(value) && value.every(each);

const STEP_PHASES = PHASES.map((phase) => `${phase}_seconds`);
const RANK_PHASES = ["shards", "wait_seconds", "input_seconds", "compute_seconds", "write_seconds", "idle_seconds"];

/** What the page takes for granted. */
const CHECKS: Readonly<Record<string, Check>> = {
  plan: (event) =>
    texts(event, "model", "recipe_sha256", "run_dir") &&
    numbers(event, "classes", "batch_size", "shards", "steps", "epochs", "steps_per_epoch", "workers", "threads") &&
    numbers(event, "start_step", "predicted_memory_bytes") &&
    texts(event.dataset, "name", "source") &&
    numbers(event.dataset, "train", "test") &&
    isFields(event.recipe) &&
    isFields(event.recipe.modelOptions) &&
    listOf(event.recipe.augmentation, (step) => texts(step, "step")) &&
    listOf(event.input, isNumber) &&
    listOf(event.devices, isText) &&
    listOf(event.warnings, isText) &&
    maybeTexts(event, "page_url", "metrics_url", "resumed_from") &&
    (event.init_weights == null || isStart(event.init_weights)),
  step: (event) =>
    numbers(event, "step", "epoch", "loss", "accuracy", "lr", "gradient_norm", "samples_per_second") &&
    numbers(event, "duration_seconds", "checkpoint_wait_seconds") &&
    numbers(event.phases, ...STEP_PHASES) &&
    isFields(event.ranks) &&
    Object.values(event.ranks).every((rank) => numbers(rank, ...RANK_PHASES)),
  worker: (event) =>
    numbers(event, "rank", "incarnation") &&
    texts(event, "state", "device") &&
    maybeTexts(event, "detail", "reason", "phase", "log") &&
    maybeNumbers(event, "pid", "detection_seconds", "reassigned"),
  eval: (event) => numbers(event, "epoch", "step", "loss", "accuracy", "duration_seconds"),
  checkpoint: (event) => numbers(event, "step", "size_bytes", "duration_seconds") && texts(event, "path"),
  "checkpoint-failed": (event) => texts(event, "message"),
  pictures: (event) =>
    isNumber(event.step) &&
    listOf(event.pictures, (each) => texts(each, "file", "title") && numbers(each, "width", "height")),
  slow: (event) => numbers(event, "rank", "times") && texts(event, "phase"),
  rollback: (event) => isNumber(event.step) && isText(event.reason),
  log: (event) => isText(event.message) && ["info", "warn", "error"].includes(String(event.level)),
  done: isEnd,
  stopped: isEnd,
};

function isStart(value: unknown): boolean {
  return (
    texts(value, "path", "names") &&
    numbers(value, "total", "loaded") &&
    listOf((value as Fields).kept, (each) => texts(each, "name", "reason"))
  );
}

function isEnd(event: Fields): boolean {
  return (
    numbers(event, "step", "samples_per_second", "duration_seconds") &&
    maybeTexts(event, "held_back", "recipe_sha256", "weights_sha256", "ema_sha256")
  );
}

/** Of an older version's plan, and of a stranger's, where it says nothing. */
const UNSAID = { page_url: null, metrics_url: null, resumed_from: null, init_weights: null } as const;

/** `damaged`: no event, or one without something that the page reads. Null: an event of which a page shows nothing. */
export function entryOf(line: string): Entry | "damaged" | null {
  let recorded: unknown;
  try {
    recorded = JSON.parse(line);
  } catch {
    return "damaged";
  }
  if (!isFields(recorded) || !isText(recorded.event)) return "damaged";
  const check = CHECKS[recorded.event as string];
  if (check && !check(recorded)) return "damaged";
  const told = recorded.event === "plan" ? { ...UNSAID, ...recorded, prediction: null } : recorded;
  const event = pageEvent(told as unknown as RunEvent);
  return event && [isNumber(recorded.time) ? (recorded.time as number) : null, event];
}
