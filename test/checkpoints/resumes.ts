/** One run that is interrupted again and again, by SIGTERM or SIGKILL at any moment of a step, and gone on with by the same words. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { PlanEvent, RunEvent } from "../../src/events.js";
import { deriveKey, uniforms } from "../../src/random.js";
import { type CliRun, cli } from "../support/runs.js";

/** A life ends after so many steps of its own, and not before one of them was saved: a slow disk saves a few of them alone. */
const LIFE_STEPS = 6;
/** More than a life may take: the run must not end before its last interruption. */
const STEPS_A_LIFE = 60;
/** Longer than a step, whose three batches are accumulated. */
const LIFE_MS = 60;
/** Seven steps an epoch, the last one short. */
const RECIPE = [
  ..."--model lenet5 --dataset synthetic --batch-size 16 --shards 2 --accumulate 3 --optimizer adam --seed 7".split(
    " ",
  ),
  ..."--lr-scheduler constant --ema 0.9 --device cpu --gpus 1 --checkpoint-every-steps 1 --json".split(" "),
  ...["height=28", "width=28", "channels=1", "train=320", "test=16"].flatMap((each) => ["--dataset-option", each]),
];

export interface Resumes {
  problems: string[];
  /** Steps from which it went on, and how many of them were no end of an epoch. */
  from: number[];
  midEpoch: number;
}

export async function resumeOften(dir: string, { count, seed }: { count: number; seed: number }): Promise<Resumes> {
  const steps = `${STEPS_A_LIFE * (count + 1)}`;
  const start = (name: string) =>
    cli(["launch", ...RECIPE, "--steps", steps, "--run-dir", join(dir, name), "--auto-resume"]);
  const expected = await endOf(await start("undisturbed"));
  const resumes: Resumes = { problems: [], from: [], midEpoch: 0 };
  for (let number = 0; number < count; number++) {
    const [signal = 0, life = 0, delay = 0] = uniforms(deriveKey(seed, "resume", number), 3);
    const run = await start("disturbed");
    tell(resumes, run, number, await planOf(run));
    const own = 1 + Math.floor(life * LIFE_STEPS);
    const countOf = (kind: RunEvent["event"]) => run.events.filter(({ event }) => event === kind).length;
    await run.waitFor(() => countOf("step") >= own && countOf("checkpoint") >= 1);
    await sleep(delay * LIFE_MS);
    run.child.kill(signal < 0.5 ? "SIGTERM" : "SIGKILL");
    const { code } = await run.ended;
    if (code !== null && code !== 75) resumes.problems.push(`life ${number} ended with ${code}: ${run.stderr()}`);
  }
  const last = await start("disturbed");
  tell(resumes, last, count, await planOf(last));
  const weights = await endOf(last);
  if (weights.join() !== expected.join()) resumes.problems.push(`other weights: ${weights}, expected ${expected}`);
  return resumes;
}

function tell(resumes: Resumes, run: CliRun, number: number, { start_step, steps_per_epoch }: PlanEvent): void {
  if (number === 0) return;
  if (start_step === 0) resumes.problems.push(`life ${number} began at step 0: ${run.stderr()}`);
  resumes.from.push(start_step);
  if (start_step % steps_per_epoch !== 0) resumes.midEpoch++;
}

async function planOf(run: CliRun): Promise<PlanEvent> {
  return (await run.waitFor(({ event }) => event === "plan")) as PlanEvent;
}

/** Hashes of the weights and of their average. */
async function endOf(run: CliRun): Promise<(string | null)[]> {
  await run.ended;
  const last = run.events.at(-1);
  if (last?.event !== "done") throw new Error(`the run failed:\n${run.stderr()}`);
  return [last.weights_sha256, last.ema_sha256];
}
