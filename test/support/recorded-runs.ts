/** Folders of runs as real ones leave them, without any training. */
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { WrittenRecipe } from "../../src/config/recipe.js";
import type { DoneEvent, EvalEvent, RunEvent, StepEvent } from "../../src/events.js";
import { DONE, PLAN, STEP } from "./run-events.js";

export interface Recorded {
  steps?: number;
  stepsPerEpoch?: number;
  /** Unix time of its first event, in seconds; each step takes half a second. */
  since?: number;
  recipe?: Partial<WrittenRecipe>;
  recipeSha256?: string;
  weightsSha256?: string | null;
  /** How it ended; null: it was killed. */
  end?: "done" | "stopped" | "failed" | null;
}

/** Makes `dir` a run's folder; the loss falls as 1/step, the test's accuracy rises with each epoch. */
export function recordRun(dir: string, given: Recorded = {}): void {
  const { recipe } = given;
  mkdirSync(join(dir, "logs"), { recursive: true });
  mkdirSync(join(dir, "checkpoints"), { recursive: true });
  writeFileSync(join(dir, "recipe.json"), JSON.stringify({ ...PLAN.recipe, ...recipe }, null, 2));
  const file = openSync(join(dir, "metrics.jsonl"), "a");
  for (const event of recordedEvents(dir, given)) writeSync(file, `${JSON.stringify(event)}\n`);
  closeSync(file);
}

export function recordedEvents(
  dir: string,
  {
    steps = 4,
    stepsPerEpoch = 2,
    since = 1_700_000_000,
    recipe = {},
    recipeSha256 = "a".repeat(64),
    weightsSha256 = "b".repeat(64),
    end = "done",
  }: Recorded,
): (RunEvent & { time: number })[] {
  const plan = {
    ...PLAN,
    recipe: { ...PLAN.recipe, ...recipe },
    recipe_sha256: recipeSha256,
    run_dir: dir,
    warnings: [],
  };
  const events: (RunEvent & { time: number })[] = [
    { ...plan, steps, steps_per_epoch: stepsPerEpoch, start_step: 0, resumed_from: null, workers: 2, time: since },
  ];
  const ranks = Object.fromEntries(["0", "1"].map((rank) => [rank, { ...RANK }]));
  for (let step = 1; step <= steps; step++) {
    const time = since + step / 2;
    const epoch = Math.floor((step - 1) / stepsPerEpoch);
    events.push({ ...STEP, step, epoch, loss: 1 / step, ranks, time } satisfies StepEvent & { time: number });
    if (step % stepsPerEpoch === 0)
      events.push({ ...EVAL, epoch, step, accuracy: 1 - 1 / (epoch + 2), time } satisfies EvalEvent & { time: number });
  }
  const time = since + steps / 2;
  if (end === "failed") events.push({ event: "log", level: "error", message: "the disk is full", time });
  else if (end !== null)
    events.push({
      ...DONE,
      event: end,
      step: steps,
      recipe_sha256: recipeSha256,
      weights_sha256: weightsSha256,
      duration_seconds: steps / 2,
      run_dir: dir,
      held_back: "nothing holds it back",
      time,
    } satisfies DoneEvent & { time: number });
  return events;
}

const RANK = {
  shards: 2,
  wait_seconds: 0.01,
  input_seconds: 0,
  compute_seconds: 0.4,
  write_seconds: 0.1,
  idle_seconds: 0,
};
const EVAL: EvalEvent = {
  event: "eval",
  epoch: 0,
  step: 1,
  loss: 1,
  accuracy: 0,
  samples: 100,
  duration_seconds: 0.1,
  weights: "raw",
  best: true,
};
