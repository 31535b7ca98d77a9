/** What a run wrote down, read again. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { UsageError } from "../errors.js";
import { type Curves, curvesDrawing } from "../pictures/curves.js";
import type { Drawing } from "../pictures/drawing.js";
import { readHistory, sizeOf } from "../web/history.js";
import { bestOf, type RunState } from "../web/state/run-state.js";

const RECORDS = "metrics.jsonl";

export interface RunRecords {
  runDir: string;
  state: RunState;
}

/** Of a run's folder, or of the run that a checkpoint lies in. UsageError `run-dir` where there is no run. */
export async function readRecords(path: string): Promise<RunRecords> {
  const folder = resolve(path);
  const runDir = [folder, dirname(dirname(folder))].find((dir) => existsSync(join(dir, "recipe.json")));
  if (runDir === undefined)
    throw new UsageError(
      "run-dir",
      `${path} is not the folder of a run, nor a checkpoint in one. Give the folder that 'cnn-dist launch' printed.`,
    );
  const file = join(runDir, RECORDS);
  return { runDir, state: readHistory(file, sizeOf(file)).state };
}

/** Training loss and accuracy, and the test points. */
export function drawCurves({ curves, tests, plan, last }: RunState): Drawing {
  const series = (metric: "loss" | "accuracy"): Curves["loss"] => ({
    train: curves.step.map((step, at) => ({ step, value: curves.metrics[metric].mean[at]! })),
    test: tests.map((test) => ({ step: test.step, value: test[metric] })),
  });
  return curvesDrawing({
    of:
      plan === null
        ? "no step was done yet"
        : `${plan.model} on ${plan.dataset.name}, ${last?.step ?? plan.start_step} of ${plan.steps} steps`,
    loss: series("loss"),
    accuracy: series("accuracy"),
    best: bestOf(tests)?.step ?? null,
  });
}
