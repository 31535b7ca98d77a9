/** A training by `cnn-dist launch`, from step 12 on: how long its steps take, and which threads of which process take CPU time. */
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { PredictionFacts, RunEvent } from "../src/events.js";
import { type ThreadTime, threadTimes, timeBetween, type Work } from "./cpu.js";
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
}

/** As bench/peer_networks.py has them: image, classes, and the steps that are measured. */
export const NETWORKS = {
  lenet5: { height: 28, width: 28, channels: 1, classes: 10, steps: 300 },
  vgg13: { height: 32, width: 32, channels: 3, classes: 100, steps: 8 },
  resnet18: { height: 32, width: 32, channels: 3, classes: 100, steps: 8 },
  "alexnet-fashion": { height: 224, width: 224, channels: 1, classes: 10, steps: 8 },
} as const;

/** Steps before the first that is measured. */
export const WARM = 12;

/** Milliseconds; CPU times are a step's. */
export interface Measured {
  stepMs: number;
  coordinator: Record<Work, number>;
  workers: readonly Record<Work, number>[];
}

const execute = promisify(execFile);
const BIN = fileURLToPath(new URL("../../bin/cnn-dist.js", import.meta.url));

export async function measure(training: Training): Promise<Measured> {
  const scratch = mkdtempSync(join(tmpdir(), "cnn-dist-bench-"));
  try {
    return await follow(training, scratch);
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

async function follow(training: Training, cwd: string): Promise<Measured> {
  const { steps } = NETWORKS[training.network];
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
  for await (const line of createInterface(child.stdout)) {
    const event = JSON.parse(line) as RunEvent;
    if (event.event === "worker" && event.pid !== null) pids[event.rank] = event.pid;
    if (event.event !== "step") continue;
    if (event.step === WARM || event.step === WARM + steps) looks.push(look());
    if (event.step > WARM && event.step <= WARM + steps) durations.push(event.duration_seconds * 1e3);
  }
  const code = await ended;
  if (code !== 0) throw new Error(`the training ended with exit code ${code}: ${complaints.trim()}`);
  const [before, after] = looks;
  const times = [child.pid!, ...pids].map((pid, at) => {
    const spent = timeBetween(pid, before![at]!, after![at]!);
    return Object.fromEntries(Object.entries(spent).map(([work, ms]) => [work, ms / steps])) as Record<Work, number>;
  });
  return { stepMs: median(durations), coordinator: times[0]!, workers: times.slice(1) };
}

function wordsOf({ network, workers, shard, shards = workers, precision, optimizer, exchange }: Training): string[] {
  const { steps, ...image } = NETWORKS[network];
  const data = { ...image, train: shard * shards * 40, test: 8 };
  return [
    "launch",
    ...["--json", "--device", "cpu", "--run-dir", "run", "--evaluate-every-epochs", "0", "--threads", "1"],
    ...["--model", network, "--dataset", "synthetic", "--augmentation", "none", "--steps", `${WARM + steps + 1}`],
    ...Object.entries(data).flatMap(([name, value]) => ["--dataset-option", `${name}=${value}`]),
    ...["--workers", `${workers}`, "--shards", `${shards}`, "--batch-size", `${shard * shards}`],
    ...["--optimizer", optimizer ?? "momentum", "--precision", precision ?? "fp32"],
    ...(exchange === undefined ? [] : ["--exchange", exchange]),
  ];
}
