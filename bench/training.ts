/** A training by `cnn-dist launch`, from step 12 on: how long its steps take, and which threads of which process take CPU time. */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { PredictionFacts, RunEvent } from "../src/events.js";
import { type CpuTime, cpuBetween, type ThreadTime, threadTimes, timeBetween, type Work } from "./cpu.js";
import { median } from "./table.js";

export interface Training {
  network: keyof typeof NETWORKS;
  workers: number;
  /** Images. */
  shard: number;
  /** One a worker if it is left out. */
  shards?: number;
  precision?: "fp32" | "bf16";
  optimizer?: "momentum" | "adam";
  exchange?: "shared-memory" | "frames";
  /** Measured; else as NETWORKS has them. */
  steps?: number;
  /** Steps before them; else WARM. */
  warm?: number;
  /** A checkpoint each so many steps; else none while it is measured. */
  checkpointEvery?: number;
}

/** As bench/peer_networks.py has them: image, classes, and the steps that are measured. */
export const NETWORKS = {
  lenet5: { height: 28, width: 28, channels: 1, classes: 10, steps: 1500 },
  vgg13: { height: 32, width: 32, channels: 3, classes: 100, steps: 8 },
  resnet18: { height: 32, width: 32, channels: 3, classes: 100, steps: 8 },
  "alexnet-fashion": { height: 224, width: 224, channels: 1, classes: 10, steps: 8 },
} as const;

/** Steps before the first that is measured. */
export const WARM = 12;

/** Milliseconds; CPU times are a step's. */
export interface Measured {
  stepMs: number;
  /** From the commit before the first step that is measured to that of the last, all waits included. */
  wholeMs: number;
  /** Checkpoints that were written whole meanwhile: bytes, and how long each took. */
  checkpoints: { bytes: number; ms: number }[];
  coordinator: Record<Work, number>;
  workers: readonly Record<Work, number>[];
  /** Of a second: what took the watcher's processes; 0 without one. */
  watcherMs: number;
}

const execute = promisify(execFile);
const BIN = fileURLToPath(new URL("../../bin/cnn-dist.js", import.meta.url));

/** Looks at the run's page from its plan on. */
export interface Watcher {
  open(pageUrl: string): Promise<void>;
  /** CPU time of all its processes until now. */
  cpu(): CpuTime;
  close(): Promise<void>;
}

export async function measure(training: Training, watcher?: Watcher): Promise<Measured> {
  const scratch = mkdtempSync(join(tmpdir(), "cnn-dist-bench-"));
  try {
    return await follow(training, scratch, watcher);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** What a dry run of it says. */
export async function predict(training: Training): Promise<PredictionFacts> {
  const { stdout } = await execute(process.execPath, [BIN, ...wordsOf(training), "--dry-run"]);
  const [plan] = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as RunEvent);
  if (plan?.event !== "plan" || plan.prediction === null) throw new Error("the dry run predicted nothing");
  return plan.prediction;
}

async function follow(training: Training, cwd: string, watcher?: Watcher): Promise<Measured> {
  const steps = stepsOf(training);
  const { warm = WARM } = training;
  const child = spawn(process.execPath, [BIN, ...wordsOf(training)], { cwd, stdio: ["ignore", "pipe", "pipe"] });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const pids: number[] = [];
  const durations: number[] = [];
  const look = () => [child.pid!, ...pids].map((pid) => threadTimes(pid));
  const looks: Map<number, ThreadTime>[][] = [];
  const commits: number[] = [];
  const watched: CpuTime[] = [];
  let opened = Promise.resolve();
  const checkpoints: Measured["checkpoints"] = [];
  for await (const line of createInterface(child.stdout)) {
    const event = JSON.parse(line) as RunEvent;
    if (event.event === "worker" && event.pid !== null) pids[event.rank] = event.pid;
    if (event.event === "checkpoint" && looks.length === 1)
      checkpoints.push({ bytes: event.size_bytes, ms: event.duration_seconds * 1e3 });
    if (event.event === "plan" && event.page_url !== null && watcher) opened = watcher.open(event.page_url);
    if (event.event !== "step") continue;
    if (event.step === warm || event.step === warm + steps) {
      looks.push(look());
      if (watcher) watched.push(watcher.cpu());
      commits.push(performance.now());
    }
    if (event.step > warm && event.step <= warm + steps) durations.push(event.duration_seconds * 1e3);
  }
  const code = await ended;
  await opened;
  await watcher?.close();
  if (code !== 0) throw new Error(`the training ended with exit code ${code}: ${complaints.trim()}`);
  const [before, after] = looks;
  const times = [child.pid!, ...pids].map((pid, at) => {
    const spent = timeBetween(pid, before![at]!, after![at]!);
    return Object.fromEntries(Object.entries(spent).map(([work, ms]) => [work, ms / steps])) as Record<Work, number>;
  });
  const wholeMs = commits[1]! - commits[0]!;
  return {
    stepMs: median(durations),
    wholeMs,
    checkpoints,
    coordinator: times[0]!,
    workers: times.slice(1),
    watcherMs: watcher ? (1000 * cpuBetween(watched[0]!, watched[1]!)) / wholeMs : 0,
  };
}

function stepsOf({ network, steps }: Training): number {
  return steps ?? NETWORKS[network].steps;
}

function wordsOf(training: Training): string[] {
  const { network, workers, shard, shards = workers, precision, optimizer, exchange, checkpointEvery } = training;
  const { warm = WARM } = training;
  const { steps: _, ...image } = NETWORKS[network];
  const steps = stepsOf(training);
  // No epoch ends while it is measured.
  const data = { ...image, train: shard * shards * Math.max(40, warm + steps + 2), test: 8 };
  return [
    "launch",
    ...["--json", "--device", "cpu", "--run-dir", "run", "--evaluate-every-epochs", "0", "--threads", "1"],
    ...["--model", network, "--dataset", "synthetic", "--augmentation", "none", "--steps", `${warm + steps + 1}`],
    ...Object.entries(data).flatMap(([name, value]) => ["--dataset-option", `${name}=${value}`]),
    ...["--workers", `${workers}`, "--shards", `${shards}`, "--batch-size", `${shard * shards}`],
    ...["--optimizer", optimizer ?? "momentum", "--precision", precision ?? "fp32"],
    ...(exchange === undefined ? [] : ["--exchange", exchange]),
    ...(checkpointEvery === undefined ? [] : ["--checkpoint-every-steps", `${checkpointEvery}`]),
  ];
}
