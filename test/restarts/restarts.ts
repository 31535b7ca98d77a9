/** A run over TCP whose coordinator is killed again and again, and started again by the same words; its workers wait. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RunEvent } from "../../src/events.js";
import { deriveKey, uniforms } from "../../src/random.js";
import { freeEndpoint } from "../support/ports.js";
import { type CliRun, cli } from "../support/runs.js";
import { pidsOf, waits } from "./waiting.js";

const WORKERS = 2;
/** A life of the coordinator ends after so many steps of its own, and up to so many milliseconds. */
const LIFE_STEPS = 20;
const LIFE_MS = 100;
const CHECKPOINT_EVERY = 5;
/** A start of some seconds that takes longer than this hangs. */
const HANGS_MS = 120_000;

const RECIPE = [
  ..."--model lenet5 --dataset synthetic --batch-size 16 --shards 4 --optimizer adam --seed 7".split(" "),
  ..."--lr-scheduler constant --evaluate-every-epochs 0 --json".split(" "),
  ...["height=28", "width=28", "channels=1", "train=1600", "test=16"].flatMap((each) => ["--dataset-option", each]),
];

/** One death of the coordinator, and what it cost. */
export interface Death {
  /** Steps committed when it was killed, and the one from which the next coordinator went on. */
  step: number;
  from: number;
  /** Until each worker had noticed. */
  noticedMs: number[];
  /** Until the next coordinator, which was started at once, had committed a step. */
  backMs: number;
}

/** Calls `print` with a row a death; resolves with what went wrong. */
export async function killCoordinators(
  dir: string,
  { count, seed }: { count: number; seed: number },
  print: (row: readonly string[]) => void,
): Promise<string[]> {
  const steps = `${(LIFE_STEPS + CHECKPOINT_EVERY) * count}`;
  const expected = await undisturbed(dir, steps);
  const endpoint = await freeEndpoint();
  const start = () =>
    cli([
      ...["coordinator", "--bind", endpoint, "--gpus", `${WORKERS}`, ...RECIPE, "--steps", steps],
      ...["--run-dir", join(dir, "run"), "--auto-resume", "--checkpoint-every-steps", `${CHECKPOINT_EVERY}`],
    ]);
  const worker = () => cli(["worker", "--connect", endpoint, "--device", "cpu", "--wait-coordinator", "120"]);
  const workers = await Promise.all(Array.from({ length: WORKERS }, worker));
  const pids = new Set<number>();
  let coordinator = await start();
  try {
    print(["death", "at step", "went on from", "steps lost", "noticed after", "training again after"]);
    for (let death = 0; death < count; death++) {
      const [life, delay] = uniforms(deriveKey(seed, "restart", death), 2);
      await within(untilSteps(coordinator, 1 + Math.floor(life! * LIFE_STEPS)), coordinator);
      await sleep(delay! * LIFE_MS);
      const cost = await kill(coordinator, workers, death, async () => {
        pidsOf(coordinator).forEach((pid) => pids.add(pid));
        coordinator = await start();
        return coordinator;
      });
      const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
      print([
        `${death + 1}`,
        `${cost.step}`,
        `${cost.from}`,
        `${cost.step - cost.from}`,
        cost.noticedMs.map(seconds).join(", "),
        seconds(cost.backMs),
      ]);
    }
    const { code } = await coordinator.ended;
    pidsOf(coordinator).forEach((pid) => pids.add(pid));
    const last = coordinator.events.at(-1);
    const codes = await Promise.all(workers.map(async ({ ended }) => (await ended).code));
    return [
      ...(code === 0 ? [] : [`the last coordinator ended with ${code}: ${coordinator.stderr()}`]),
      ...(last?.event === "done" && last.weights_sha256 === expected ? [] : [`other weights: ${JSON.stringify(last)}`]),
      ...codes.flatMap((each) => (each === 0 ? [] : [`a worker ended with ${each}`])),
      ...(pids.size === WORKERS ? [] : [`${pids.size} processes of workers took part, not ${WORKERS}`]),
    ];
  } finally {
    for (const { child } of [coordinator, ...workers]) child.kill("SIGKILL");
  }
}

async function undisturbed(dir: string, steps: string): Promise<string> {
  const run = await cli([
    ...["launch", "--gpus", "1", "--device", "cpu", ...RECIPE, "--steps", steps],
    ...["--run-dir", join(dir, "undisturbed")],
  ]);
  await run.ended;
  const last = run.events.at(-1);
  if (last?.event !== "done") throw new Error(`the undisturbed run failed:\n${run.stderr()}`);
  return last.weights_sha256!;
}

/** Of this coordinator's own. */
const stepsOf = ({ events }: CliRun) => events.filter(({ event }) => event === "step").length;

async function untilSteps(run: CliRun, count: number): Promise<void> {
  await run.waitFor(() => stepsOf(run) >= count);
}

async function kill(
  coordinator: CliRun,
  workers: readonly CliRun[],
  death: number,
  next: () => Promise<CliRun>,
): Promise<Death> {
  coordinator.child.kill("SIGKILL");
  const killedMs = performance.now();
  const noticed = workers.map(async (worker) => {
    await waits(worker, death + 1);
    return performance.now() - killedMs;
  });
  await coordinator.ended;
  const step = Math.max(0, ...coordinator.events.map((event) => (event.event === "step" ? event.step : 0)));
  const started = await next();
  await within(untilSteps(started, 1), started);
  const backMs = performance.now() - killedMs;
  const plan = started.events.find((event): event is Extract<RunEvent, { event: "plan" }> => event.event === "plan")!;
  return { step, from: plan.start_step, noticedMs: await Promise.all(noticed), backMs };
}

async function within(done: Promise<void>, run: CliRun): Promise<void> {
  const hanging = new AbortController();
  const late = sleep(HANGS_MS, null, { signal: hanging.signal }).then(
    () => {
      throw new Error(`nothing for ${HANGS_MS / 1000} s:\n${run.stderr()}`);
    },
    () => {},
  );
  try {
    await Promise.race([done, late]);
  } finally {
    hanging.abort();
  }
}
