/** Real runs that are each slowed in one known way: what is told of them must name it. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { HoldPhase, RunEvent } from "../../src/events.js";
import { type CliRun, cli, scratch } from "./runs.js";

export interface Slowed {
  name: string;
  phase: HoldPhase;
  rank: number | null;
  /** The sentence's beginning. */
  says: RegExp;
  /** Beside what all of them have. */
  args: readonly string[];
  env: NodeJS.ProcessEnv;
  /** Slows the run once its first step is done; the returned function ends that. */
  begin(pids: ReadonlyMap<number, number>): () => void;
}

const COMMON = [
  ..."launch --device cpu --gpus 2 --model lenet5 --dataset synthetic --dataset-option train=20000".split(" "),
  ..."--dataset-option test=10 --dataset-option height=28 --dataset-option width=28 --dataset-option channels=1".split(
    " ",
  ),
  ..."--epochs 1000 --evaluate-every-epochs 0".split(" "),
];
const slowDown = (how: string) => ({
  CNN_DIST_TEST_SLOW: how,
  NODE_OPTIONS: `--import ${new URL("slow-down.js", import.meta.url).href}`,
});
const nothing = () => () => {};

export const SLOWED: readonly Slowed[] = [
  {
    name: "a worker that is stopped and woken in turns",
    phase: "slow-rank",
    rank: 1,
    says: /rank 1 (stands still now and then|begins later|is slower)/,
    args: ["--batch-size", "64"],
    env: {},
    begin(pids) {
      const signal = (name: NodeJS.Signals) => process.kill(pids.get(1)!, name);
      let stopped = false;
      const turns = setInterval(() => {
        stopped = !stopped;
        signal(stopped ? "SIGSTOP" : "SIGCONT");
      }, 400);
      return () => {
        clearInterval(turns);
        signal("SIGCONT");
      };
    },
  },
  {
    name: "a worker that has a third of a core",
    phase: "slow-rank",
    rank: 1,
    says: /rank 1 (is slower|stands still now and then)/,
    args: ["--batch-size", "256"],
    env: {},
    begin(pids) {
      const [first, second] = cores();
      const pin = (core: number, pid: number) => spawnSync("taskset", ["-a", "-p", "-c", String(core), String(pid)]);
      pin(first, pids.get(0)!);
      pin(second, pids.get(1)!);
      const loops = [1, 2].map(() =>
        spawn("taskset", ["-c", String(second), "sh", "-c", "while :; do :; done"], { stdio: "ignore" }),
      );
      return () => loops.forEach((loop) => loop.kill("SIGKILL"));
    },
  },
  {
    name: "a data loader that sleeps",
    phase: "input",
    rank: null,
    says: /reading and preparing images takes/,
    args: ["--batch-size", "64"],
    env: slowDown("loader"),
    begin: nothing,
  },
  {
    name: "a coordinator whose disk is slow",
    phase: "checkpoint",
    rank: null,
    says: /the training waits .*for checkpoint|the training waits for a checkpoint/,
    args: ["--batch-size", "64", "--dataset-option", "train=256"], // a checkpoint every four steps, which waits for the one before
    env: slowDown("disk"),
    begin: nothing,
  },
];

/** Two that this process may use. */
function cores(): [number, number] {
  const list = /^Cpus_allowed_list:\s*(.+)$/m.exec(readFileSync("/proc/self/status", "utf8"))![1]!;
  const all = list.split(",").flatMap((part) => {
    const [from, to = from] = part.split("-").map(Number);
    return Array.from({ length: to! - from! + 1 }, (_, index) => from! + index);
  });
  if (all.length < 2) throw new Error(`this needs two cores, and may use ${list}`);
  return [all[0]!, all[1]!];
}

export interface SlowedRun {
  run: CliRun;
  runDir: string;
  /** What metrics.jsonl holds so far. */
  events(): RunEvent[];
  /** Resolves once stderr holds the text; rejects when the run ends without it. */
  said(text: RegExp): Promise<void>;
  /** Resolves once so many steps are done; rejects when the run ends before. */
  stepped(steps: number): Promise<void>;
  /** Ends what slows it down, then the run; resolves with its summary. */
  end(): Promise<string>;
}

/** Started, past its first step, and slowed. */
export async function startSlowed(
  context: TestContext,
  { args, env, begin }: Slowed,
  more: readonly string[] = [],
): Promise<SlowedRun> {
  const runDir = join(scratch(context), "run");
  const run = await cli([...COMMON, ...args, "--run-dir", runDir, ...more], { env });
  const { child } = run;
  context.after(() => end(child));
  const events = () => eventsOf(runDir);
  const until = async (holds: () => boolean, what: string) => {
    while (!holds()) {
      if (child.exitCode !== null) throw new Error(`${what} never came:\n${run.stderr()}`);
      await sleep(100);
    }
  };
  const stepped = (steps: number) =>
    until(() => events().filter(({ event }) => event === "step").length >= steps, `step ${steps}`);
  await stepped(1);
  const pids = new Map<number, number>();
  for (const event of events()) if (event.event === "worker" && event.pid !== null) pids.set(event.rank, event.pid);
  const undo = begin(pids);
  let slow = true;
  const stop = () => {
    if (slow) undo();
    slow = false;
  };
  context.after(stop);
  return {
    run,
    runDir,
    events,
    said: (text) => until(() => text.test(run.stderr()), String(text)),
    stepped,
    async end() {
      stop();
      child.kill("SIGTERM");
      await run.ended;
      return run.stdout();
    },
  };
}

function end(child: ChildProcess): void {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
}

function eventsOf(runDir: string): RunEvent[] {
  const path = join(runDir, "metrics.jsonl");
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8").split("\n").slice(0, -1); // the last may be half written
  return lines.map((line) => JSON.parse(line) as RunEvent);
}
