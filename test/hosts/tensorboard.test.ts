/** TensorBoard's own reader and what a run wrote for it. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { EvalEvent, PicturesEvent, PlanEvent, RunEvent, StepEvent } from "../../src/events.js";
import { ROOT } from "../support/fixtures.js";
import { pythonWithTensorboard } from "../support/python.js";
import { cli, scratch } from "../support/runs.js";

interface Read {
  scalars: Record<string, [step: number, value: number][]>;
  images: Record<string, [step: number, width: number, height: number, png: string][]>;
  text: Record<string, string>;
  graph: [name: string, inputs: string[]][];
  hyperparameters: Record<string, unknown>;
  ended: number | false;
}

const read = (folder: string): Read =>
  JSON.parse(
    execFileSync(pythonWithTensorboard(), [join(ROOT, "test/hosts/read_tensorboard.py"), folder], {
      encoding: "utf8",
      maxBuffer: 2 ** 28,
      stdio: ["ignore", "pipe", "ignore"],
    }),
  ) as Read;

/** The last of each step: after a kill, steps come again. */
function recorded<E extends RunEvent>(runDir: string, event: E["event"], upTo = Number.POSITIVE_INFINITY): E[] {
  const lines = readFileSync(join(runDir, "metrics.jsonl"), "utf8").trim().split("\n");
  const events = lines.map((line) => JSON.parse(line) as E).filter((each) => each.event === event);
  const bySteps = new Map(events.map((each) => [(each as unknown as StepEvent).step, each]));
  return [...bySteps.values()].filter((each) => (each as unknown as StepEvent).step <= upTo);
}

const OPTIONS = ["--model", "lenet5", "--dataset", "synthetic", "--batch-size", "20", "--gpus", "1", "--device", "cpu"];
const DATA = { train: 200, test: 40 };

test("TensorBoard reads what metrics.jsonl has, once for each step, of a run that was killed and went on", async (context) => {
  const runDir = join(scratch(context), "run");
  const words = [
    ...OPTIONS,
    ...Object.entries(DATA).flatMap(([key, value]) => ["--dataset-option", `${key}=${value}`]),
  ];
  const begun = await cli(["launch", ...words, "--epochs", "400", "--run-dir", runDir, "--tensorboard", "--json"]);
  await begun.waitFor((event) => event.event === "checkpoint");
  await begun.waitFor((event) => event.event === "step" && event.step > 25);
  begun.child.kill("SIGKILL");
  await begun.ended;
  const ended = await cli([
    "resume",
    runDir,
    "--epochs",
    "40",
    "--tensorboard",
    "--pictures",
    "--json",
    "--device",
    "cpu",
  ]);
  assert.equal((await ended.ended).code, 0, ended.stderr());

  const folder = join(runDir, "tensorboard");
  assert.equal(readdirSync(folder).length, 2);
  const found = read(folder);
  const steps = recorded<StepEvent>(runDir, "step", 400);
  assert.equal(steps.length, 400);
  const points = <E extends { step: number }>(events: E[], value: (event: E) => number) =>
    events.map((event) => [event.step, Math.fround(value(event))]);
  assert.deepEqual(
    found.scalars["train/loss"],
    points(steps, ({ loss }) => loss),
  );
  assert.deepEqual(
    found.scalars["train/accuracy"],
    points(steps, ({ accuracy }) => accuracy),
  );
  assert.deepEqual(
    found.scalars["train/learning_rate"],
    points(steps, ({ lr }) => lr),
  );
  assert.deepEqual(
    found.scalars["train/gradient_norm"],
    points(steps, ({ gradient_norm }) => gradient_norm),
  );
  assert.deepEqual(
    found.scalars["train/images_per_second"],
    points(steps, (step) => step.samples_per_second),
  );
  const tests = recorded<EvalEvent>(runDir, "eval", 400);
  assert.deepEqual(
    found.scalars["test/loss"],
    points(tests, ({ loss }) => loss),
  );
  assert.deepEqual(
    found.scalars["test/accuracy"],
    points(tests, ({ accuracy }) => accuracy),
  );

  const drawn = recorded<PicturesEvent>(runDir, "pictures");
  for (const { what, file, width, height } of drawn.at(-1)!.pictures) {
    const png = readFileSync(join(runDir, file)).toString("base64");
    assert.deepEqual(found.images[`pictures/${what}`]?.at(-1), [400, width, height, png], what);
  }
  const plan = begun.events.find((event): event is PlanEvent => event.event === "plan");
  assert.equal(found.hyperparameters.lr, plan!.recipe.lr);
  assert.equal(found.hyperparameters.optimizer, plan!.recipe.optimizer);
  assert.equal(found.ended, 1);
  assert.match(found.text.network!, /\| c3 \| conv2d \| 10x10x16 \| 2,416 \|/);
  assert.match(found.text.recipe!, /\| recipe_sha256 \| [0-9a-f]{64} \|/);
  assert.deepEqual(
    found.graph.find(([name]) => name === "s2"),
    ["s2", ["c1"]],
  );
});
