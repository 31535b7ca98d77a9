/**
 * A process that prints what a step costs beside computing: the real coordinator with simulated workers, in two processes.
 * Argument: a `Simulation`; prints a `Cost`, as JSON.
 */
import { type ChildProcess, fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { systemClock } from "../../src/clock.js";
import { PLACEMENT_DEFAULTS } from "../../src/config/placement.js";
import { createCoordinator } from "../../src/coordinator/coordinator.js";
import type { StepEvent } from "../../src/events.js";
import { SharedFile } from "../../src/exchange/mapping.js";
import { prepare } from "../../src/run/plan.js";
import { createSocketDirectory } from "../../src/transport/socket-directory.js";
import { bindCoordinator, bindUnprotected } from "../../src/transport/zeromq.js";
import { type ThreadTime, threadTimes, timeBetween, total } from "../cpu.js";
import { median } from "../table.js";
import { type Group, type Simulation, simulatedLayout, simulatedRecipe } from "./simulated.js";

/** Milliseconds a step. */
export interface Cost {
  stepMs: number;
  /** CPU time of the coordinator, and of all workers together. */
  coordinatorMs: number;
  workersMs: number;
}

const PROCESSES = 2;
const WORKERS_MODULE = fileURLToPath(new URL("workers.js", import.meta.url));

async function simulate(simulation: Simulation): Promise<Cost> {
  const { workers, megabytes, exchange, warm, steps } = simulation;
  const recipe = simulatedRecipe(simulation);
  const { start, dataset } = await prepare(recipe, { cacheDir: "" }, null);
  const layout = simulatedLayout(megabytes);
  const values = { layout, weights: new Float32Array(layout.size), state: new Float32Array(0) };
  const sockets = createSocketDirectory();
  // Over TCP without keys, whose cost is a figure of its own (bench/frames.ts).
  const link = await (exchange === "tcp"
    ? bindUnprotected("tcp://127.0.0.1:*")
    : bindCoordinator(sockets.endpoint, null));
  const file = SharedFile.create();
  const children: ChildProcess[] = [];
  const durations: number[] = [];
  const looks: Map<number, ThreadTime>[][] = [];
  const processes = () => [process.pid, ...children.map(({ pid }) => pid!)];
  const observe = ({ step, duration_seconds: seconds }: StepEvent) => {
    if (step === warm || step === warm + steps) looks.push(processes().map(threadTimes));
    if (step > warm) durations.push(seconds * 1e3);
  };
  const coordinator = createCoordinator(
    {
      run: "simulated",
      start: { ...start, recipe, values },
      train: dataset.train.count,
      test: 0,
      expect: { datasetSha256: dataset.sha256, topologySha256: null },
      workers,
      gatherMs: null,
      stopAfterStep: null,
      exchange: exchange === "shared-memory" ? exchange : "frames",
      block: 1,
      nodes: null,
      placement: PLACEMENT_DEFAULTS,
      isTraced: () => false,
    },
    {
      link,
      file,
      clock: systemClock,
      emit: (event) => {
        if (event.event === "step") observe(event);
      },
      engineKnown: () => start.recipeSha256,
      newest: async () => null,
      save: async () => ({ path: "", sizeBytes: 0 }),
      assertHeld() {},
      committed() {},
      endWorker: async () => {},
      workersPossible: () => workers,
      logTail: () => "",
    },
  );
  const tokens = Array.from({ length: workers }, (_, rank) => {
    if (exchange === "tcp") return null;
    const token = randomBytes(16).toString("hex");
    coordinator.expectWorker({ token, rank, incarnation: 0 });
    return token;
  });
  const outcome = coordinator.run();
  for (let index = 0; index < Math.min(PROCESSES, workers); index++) {
    const mine = tokens.filter((_, rank) => rank % PROCESSES === index);
    children.push(startWorkers({ endpoint: link.endpoint, megabytes, tokens: mine }, file));
  }
  const failed = children.map(
    (child) =>
      new Promise<never>((_, reject) => {
        child.once("exit", (code) => reject(new Error(`simulated workers ended with exit code ${code}`)));
      }),
  );
  for (const each of failed) each.catch(() => {}); // after the run they end as they should
  await Promise.race([outcome, ...failed]);
  await link.close();
  sockets.remove();
  const spent = processes().map((pid, at) => total(timeBetween(pid, looks[0]![at]!, looks[1]![at]!)) / steps);
  return {
    stepMs: median(durations),
    coordinatorMs: spent[0]!,
    workersMs: spent.slice(1).reduce((sum, each) => sum + each, 0),
  };
}

function startWorkers(group: Group, memory: SharedFile): ChildProcess {
  return fork(WORKERS_MODULE, [JSON.stringify(group)], {
    execArgv: [],
    stdio: ["ignore", "inherit", "inherit", "ipc", memory.descriptor],
  });
}

const cost = await simulate(JSON.parse(process.argv[2]!) as Simulation);
process.stdout.write(`${JSON.stringify(cost)}\n`);
process.exit(0);
