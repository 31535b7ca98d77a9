/**
 * How much of its time a run keeps that loses a worker again and again. Goodput is productive time over wall time: what its
 * committed steps take in a run that nobody disturbs, over what they took. Losses are the work done again, the time with
 * fewer workers, and what the start of others costs.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { monotonicMs } from "../../src/clock.js";
import { type CliRun, cli } from "../support/runs.js";

/** A step of a fraction of a second on two cores, as convolutions have it. */
const RECIPE = [
  ..."--model vgg11 --dataset synthetic --batch-size 64 --shards 4 --epochs 100000 --optimizer adam --seed 7".split(
    " ",
  ),
  ...["height=32", "width=32", "channels=3", "train=6400", "test=64"].flatMap((each) => ["--dataset-option", each]),
];
const PLACEMENT = "--device cpu --evaluate-every-epochs 0 --max-restarts 10000 --json".split(" ");
/** Steps in which all workers have compiled theirs. */
const UNSETTLED = 5;
const UNDISTURBED_SECONDS = 60;
const KILL_SECONDS = 20;

interface Paced {
  steps: number;
  seconds: number;
}

export interface Goodput {
  kills: number;
  disturbed: Paced;
  /** Of undisturbed runs, before and after. */
  stepSeconds: readonly number[];
  goodput: number;
}

export async function goodputOf(
  dir: string,
  { minutes, workers, signal }: { minutes: number; workers: number; signal: AbortSignal },
  print: (line: string) => void,
): Promise<Goodput> {
  const quiet = async (name: string) => {
    const paced = await trained(join(dir, name), workers, (run) => sleepIn(run, UNDISTURBED_SECONDS, signal));
    print(`undisturbed: ${paced.steps} steps in ${paced.seconds.toFixed(1)} s`);
    return paced.seconds / paced.steps;
  };
  const before = await quiet("before");
  let kills = 0;
  const disturbed = await trained(join(dir, "disturbed"), workers, async (run) => {
    for (let at = KILL_SECONDS; at < minutes * 60; at += KILL_SECONDS) {
      await sleepIn(run, KILL_SECONDS, signal);
      const pid = pidOf(run, kills % workers);
      if (pid === null || signal.aborted) continue;
      process.kill(pid, "SIGKILL");
      kills++;
    }
    await sleepIn(run, KILL_SECONDS, signal);
  });
  print(`${kills} workers killed: ${disturbed.steps} steps in ${disturbed.seconds.toFixed(1)} s`);
  const after = await quiet("after");
  const stepSeconds = [before, after];
  const goodput = (disturbed.steps * ((before + after) / 2)) / disturbed.seconds;
  return { kills, disturbed, stepSeconds, goodput };
}

/** The process of a rank's newest incarnation that has joined; null while there is none. */
function pidOf(run: CliRun, rank: number): number | null {
  const mine = run.events.flatMap((event) => (event.event === "worker" && event.rank === rank ? [event] : []));
  const { state, pid } = mine.at(-1)!;
  return ["ready", "working", "spare"].includes(state) ? pid : null;
}

async function sleepIn(run: CliRun, seconds: number, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const stop = () => over.abort();
  signal.addEventListener("abort", stop, { once: true });
  void run.ended.then(stop);
  await sleep(seconds * 1000, null, { signal: over.signal }).catch(() => {});
  signal.removeEventListener("abort", stop);
}

/** What a run commits from its first settled step until `during` is over. */
async function trained(runDir: string, workers: number, during: (run: CliRun) => Promise<void>): Promise<Paced> {
  const run = await cli(["launch", ...RECIPE, ...PLACEMENT, "--gpus", `${workers}`, "--run-dir", runDir]);
  try {
    await run.waitFor((event) => event.event === "step" && event.step >= UNSETTLED);
    const begun = { step: lastStep(run), ms: monotonicMs() };
    await during(run);
    const ended = { step: lastStep(run), ms: monotonicMs() };
    run.child.kill("SIGTERM");
    const { code } = await run.ended;
    if (code !== 75) throw new Error(`the run ended with ${code}:\n${run.stderr()}`);
    return { steps: ended.step - begun.step, seconds: (ended.ms - begun.ms) / 1000 };
  } finally {
    run.child.kill("SIGKILL");
  }
}

function lastStep(run: CliRun): number {
  const last = run.events.findLast((event) => event.event === "step");
  return last?.event === "step" ? last.step : 0;
}
